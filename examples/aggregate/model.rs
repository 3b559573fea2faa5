//! A `safetensors` file as one long vector of numbers, read in pieces.

use std::{
    collections::HashMap,
    fmt,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use half::{bf16, f16};
use safetensors::{Dtype, tensor::Metadata};

use crate::cli::Failure;

/// Headers beyond this are refused before anything is allocated; the format has the same limit.
const MAX_HEADER: u64 = 100_000_000;

/// A number format that has a mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Float {
    F16,
    Bf16,
    F32,
    F64,
}

impl Float {
    fn new(dtype: Dtype) -> Option<Self> {
        match dtype {
            Dtype::F16 => Some(Self::F16),
            Dtype::BF16 => Some(Self::Bf16),
            Dtype::F32 => Some(Self::F32),
            Dtype::F64 => Some(Self::F64),
            _ => None,
        }
    }

    /// Bytes of one number.
    fn width(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Every number of these formats is a number of `f64`: nothing is lost here.
    fn decode(self, bytes: &[u8], out: &mut [f64]) {
        let numbers = bytes.chunks_exact(self.width()).zip(out);
        match self {
            Self::F16 => numbers.for_each(|(b, x)| *x = f16::from_le_bytes(first(b)).to_f64()),
            Self::Bf16 => numbers.for_each(|(b, x)| *x = bf16::from_le_bytes(first(b)).to_f64()),
            Self::F32 => numbers.for_each(|(b, x)| *x = f32::from_le_bytes(first(b)).into()),
            Self::F64 => numbers.for_each(|(b, x)| *x = f64::from_le_bytes(first(b))),
        }
    }

    /// Appends the nearest numbers of this format, and replaces each of `numbers` by what was written.
    #[allow(clippy::cast_possible_truncation, reason = "rounding to the file's format is the point")]
    fn encode(self, numbers: &mut [f64], out: &mut Vec<u8>) {
        match self {
            Self::F16 => numbers.iter_mut().for_each(|x| {
                let y = f16::from_f64(*x);
                out.extend(y.to_le_bytes());
                *x = y.to_f64();
            }),
            Self::Bf16 => numbers.iter_mut().for_each(|x| {
                let y = bf16::from_f64(*x);
                out.extend(y.to_le_bytes());
                *x = y.to_f64();
            }),
            Self::F32 => numbers.iter_mut().for_each(|x| {
                let y = *x as f32;
                out.extend(y.to_le_bytes());
                *x = y.into();
            }),
            Self::F64 => numbers.iter().for_each(|x| out.extend(x.to_le_bytes())),
        }
    }
}

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::F32 => "F32",
            Self::F64 => "F64",
        })
    }
}

fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

/// One tensor, and where its numbers are.
#[derive(Clone, Debug)]
struct Tensor {
    name: String,
    dtype: Float,
    shape: Vec<usize>,
    /// Numbers in it.
    len: usize,
    /// Place of its first number in the long vector.
    first: usize,
    /// Place of its first byte in the file.
    offset: usize,
}

/// An open model file. Positions count numbers, in the order of the tensors in the first file of the session.
#[derive(Debug)]
pub(crate) struct Model {
    path: PathBuf,
    file: File,
    /// Length and text of the header, as they are in the file.
    header: Vec<u8>,
    tensors: Vec<Tensor>,
}

impl Model {
    /// Reads the header, and checks that the file is as long as the header says and holds numbers with a mean only.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let bad = |reason: &dyn fmt::Display| Failure::file(path, reason);
        let file = File::open(path).map_err(|e| bad(&e))?;
        let status = file.metadata().map_err(|e| bad(&e))?;
        if !status.is_file() {
            return Err(bad(&"not a regular file"));
        }
        let header = read_header(&file, status.len()).map_err(|reason| bad(&reason))?;
        let text = header.get(8..).unwrap_or_default();
        let metadata: Metadata = serde_json::from_slice(text).map_err(|e| bad(&format!("not a safetensors file: {e}")))?;
        let (got, expected) = (status.len(), (header.len() + metadata.data_len()) as u64);
        if got < expected {
            return Err(bad(&format!("truncated: {got} bytes, but its header describes {expected}")));
        }
        if got > expected {
            return Err(bad(&format!("{} bytes after the last tensor", got - expected)));
        }
        let tensors = tensors(&metadata, header.len()).map_err(|reason| bad(&reason))?;
        if tensors.iter().all(|tensor| tensor.len == 0) {
            return Err(bad(&"no parameters"));
        }
        Ok(Self { path: path.to_owned(), file, header, tensors })
    }

    /// Puts the tensors into the order of `model`'s; they must be the same but for their contents.
    pub(crate) fn ordered_like(mut self, model: &Self) -> Result<Self, Failure> {
        let other = model.path.display();
        let bad = |name: &str, reason: String| Failure::file(&self.path, format!("tensor {name:?}: {reason}"));
        let mut own: HashMap<_, _> = self.tensors.drain(..).map(|tensor| (tensor.name.clone(), tensor)).collect();
        for wanted in &model.tensors {
            let Some(tensor) = own.remove(&wanted.name) else {
                return Err(bad(&wanted.name, format!("missing, but {other} has it")));
            };
            if tensor.dtype != wanted.dtype {
                return Err(bad(&wanted.name, format!("dtype {}, but {other} has {}", tensor.dtype, wanted.dtype)));
            }
            if tensor.shape != wanted.shape {
                return Err(bad(&wanted.name, format!("shape {:?}, but {other} has {:?}", tensor.shape, wanted.shape)));
            }
            self.tensors.push(Tensor { first: wanted.first, ..tensor });
        }
        match own.keys().min() {
            Some(name) => Err(bad(name, format!("not in {other}"))),
            None => Ok(self),
        }
    }

    pub(crate) fn header(&self) -> &[u8] {
        &self.header
    }

    /// Name, format and shape of every tensor, in order: what all clients must agree on.
    pub(crate) fn layout(&self) -> String {
        let line = |tensor: &Tensor| format!("{:?} {} {:?}\n", tensor.name, tensor.dtype, tensor.shape);
        self.tensors.iter().map(line).collect()
    }

    /// Numbers in all tensors together.
    pub(crate) fn parameters(&self) -> usize {
        self.tensors.last().map_or(0, |tensor| tensor.first + tensor.len)
    }

    pub(crate) fn tensors(&self) -> usize {
        self.tensors.len()
    }

    /// The number formats that occur, each once.
    pub(crate) fn dtypes(&self) -> Vec<Float> {
        let mut dtypes = Vec::new();
        for tensor in &self.tensors {
            if !dtypes.contains(&tensor.dtype) {
                dtypes.push(tensor.dtype);
            }
        }
        dtypes
    }

    /// Fills `out` with the numbers at `position ..`.
    pub(crate) fn read(&self, position: usize, out: &mut [f64]) -> Result<(), Failure> {
        let (mut position, mut rest) = (position, out);
        while !rest.is_empty() {
            let (tensor, skip, len) = self.piece(position, rest.len())?;
            let (now, later) = rest.split_at_mut(len);
            let mut bytes = vec![0; len * tensor.dtype.width()];
            let offset = (tensor.offset + skip * tensor.dtype.width()) as u64;
            let mut file = &self.file;
            file.seek(SeekFrom::Start(offset))
                .and_then(|_| file.read_exact(&mut bytes))
                .map_err(|e| Failure::file(&self.path, format!("tensor {:?}: {e}", tensor.name)))?;
            tensor.dtype.decode(&bytes, now);
            (position, rest) = (position + len, later);
        }
        Ok(())
    }

    /// The bytes of the numbers at `position ..` in this file's formats; `numbers` become what was written.
    pub(crate) fn encode(&self, position: usize, numbers: &mut [f64]) -> Result<Vec<u8>, Failure> {
        let (mut position, mut rest, mut bytes) = (position, numbers, Vec::new());
        while !rest.is_empty() {
            let (tensor, _, len) = self.piece(position, rest.len())?;
            let (now, later) = rest.split_at_mut(len);
            tensor.dtype.encode(now, &mut bytes);
            (position, rest) = (position + len, later);
        }
        Ok(bytes)
    }

    /// Names the number at `position`.
    pub(crate) fn blame(&self, position: usize, reason: impl fmt::Display) -> Failure {
        match self.piece(position, 1) {
            Ok((tensor, element, _)) => {
                Failure::file(&self.path, format!("tensor {:?}: element {element} {reason}", tensor.name))
            }
            Err(failure) => failure,
        }
    }

    /// The tensor at `position`, the number within it, and how many of `len` numbers it has from there.
    fn piece(&self, position: usize, len: usize) -> Result<(&Tensor, usize, usize), Failure> {
        let place = self.tensors.partition_point(|tensor| tensor.first + tensor.len <= position);
        let tensor = self.tensors.get(place).ok_or_else(|| Failure::file(&self.path, "read beyond the last tensor"))?;
        let skip = position - tensor.first;
        Ok((tensor, skip, len.min(tensor.len - skip)))
    }
}

/// The eight bytes of the header's length, and the header.
fn read_header(mut file: &File, file_len: u64) -> Result<Vec<u8>, String> {
    if file_len < 8 {
        return Err(format!("truncated: {file_len} bytes are too few for a safetensors file"));
    }
    let mut header = vec![0; 8];
    file.read_exact(&mut header).map_err(|e| e.to_string())?;
    let len = u64::from_le_bytes(first(&header));
    if len > MAX_HEADER {
        return Err(format!("not a safetensors file: it begins with a header length of {len}"));
    }
    if len > file_len - 8 {
        return Err(format!("truncated: {file_len} bytes, but its header alone has {}", len + 8));
    }
    header.resize(8 + usize::try_from(len).map_err(|e| e.to_string())?, 0);
    file.read_exact(header.get_mut(8..).unwrap_or_default()).map_err(|e| e.to_string())?;
    Ok(header)
}

/// The tensors in the order of their bytes.
fn tensors(metadata: &Metadata, header_len: usize) -> Result<Vec<Tensor>, String> {
    let mut tensors = Vec::new();
    let mut next = 0;
    for name in metadata.offset_keys() {
        let Some(info) = metadata.info(&name) else { continue };
        let dtype = Float::new(info.dtype)
            .ok_or_else(|| format!("tensor {name:?}: dtype {}; only F16, BF16, F32 and F64 have a mean here", info.dtype))?;
        let (start, end) = info.data_offsets;
        let (len, offset) = ((end - start) / dtype.width(), header_len + start);
        tensors.push(Tensor { name, dtype, shape: info.shape.clone(), len, first: next, offset });
        next += len;
    }
    Ok(tensors)
}
