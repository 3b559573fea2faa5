//! Identity keys in files, and the list of sessions that a key has taken part in.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use rand::Rng;
use veilsum::{Identity, SessionId, SigningIdentity};
use zeroize::Zeroizing;

use crate::cli::{self, Failure};

/// An identity and the file it came from.
pub(crate) struct Key {
    pub(crate) identity: SigningIdentity,
    path: PathBuf,
}

impl Key {
    /// Reads a secret key file: 32 bytes that nobody else may read.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let bad = |reason: &dyn std::fmt::Display| Failure::file(path, reason);
        let mut file = File::open(path).map_err(|e| bad(&e))?;
        let status = file.metadata().map_err(|e| bad(&e))?;
        if !status.is_file() || status.len() != 32 {
            return Err(bad(&"not a secret key file: those have 32 bytes"));
        }
        check_private(&status).map_err(|reason| bad(&reason))?;
        let mut seed = Zeroizing::new([0; 32]);
        file.read_exact(&mut *seed).map_err(|e| bad(&e))?;
        Ok(Self { identity: SigningIdentity::from_seed(&seed), path: path.to_owned() })
    }

    /// Notes that this key takes part in a session; refuses one that it took part in before.
    ///
    /// A second run of the same session could release the same input among other clients.
    pub(crate) fn enter(&self, session: SessionId) -> Result<(), Failure> {
        let path = with_suffix(&self.path, ".sessions");
        let bad = |reason: &dyn std::fmt::Display| Failure::file(&path, reason);
        let mut list = OpenOptions::new().read(true).append(true).create(true).open(&path).map_err(|e| bad(&e))?;
        list.lock().map_err(|e| bad(&e))?; // until the file is closed
        let mut text = String::new();
        list.read_to_string(&mut text).map_err(|e| bad(&e))?;
        if text.lines().any(|line| line == session.to_string()) {
            return Err(bad(&"this key was in this session before; agree on another round or attempt in the session file"));
        }
        list.write_all(format!("{session}\n").as_bytes()).and_then(|()| list.sync_all()).map_err(|e| bad(&e))
    }
}

/// Writes NAME.key and NAME.pub; neither may exist.
pub(crate) fn generate(name: &Path) -> Result<(), Failure> {
    let (secret, public) = (with_suffix(name, ".key"), with_suffix(name, ".pub"));
    if let Some(path) = [&secret, &public].into_iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(Failure::file(path, "exists, and is not replaced"));
    }
    let mut seed = Zeroizing::new([0; 32]);
    rand::rng().fill_bytes(&mut *seed);
    let key = SigningIdentity::from_seed(&seed).public_key();
    let text: String = key.0.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg_attr(not(unix), allow(unused_mut, reason = "no modes there"))]
    let mut private = options.clone();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut private, 0o600);
    create(&secret, &private, &*seed)?;
    create(&public, &options, format!("{text}\n").as_bytes())?;
    cli::print(&format!("{text}\n"));
    Ok(())
}

fn create(path: &Path, options: &OpenOptions, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = options.open(path).map_err(|e| Failure::file(path, e))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| Failure::file(path, e))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

#[cfg(unix)]
fn check_private(status: &std::fs::Metadata) -> Result<(), String> {
    match std::os::unix::fs::MetadataExt::mode(status) & 0o777 {
        mode if mode & 0o077 != 0 => Err(format!("others can read this secret key (mode {mode:03o}); chmod 600 it")),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn check_private(_: &std::fs::Metadata) -> Result<(), String> {
    Ok(())
}
