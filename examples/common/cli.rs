//! What the examples that are command-line programs share: one line for an error, an exit code that tells whose fault it was, and
//! output that survives a closed pipe.

#![allow(dead_code, reason = "not every example needs all of it")]

use std::{
    fmt::{self, Display},
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use clap::{Parser, error::ErrorKind};

/// Why a program ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line makes no sense: exit code 2.
    Usage(String),
    /// Anything else: exit code 1.
    Run(String),
}

impl Failure {
    /// A failure to do something with a file.
    pub(crate) fn file(path: &Path, reason: impl Display) -> Self {
        Self::Run(format!("{}: {reason}", path.display()))
    }

    /// The same failure with a party or a file in front.
    pub(crate) fn of(self, whose: impl Display) -> Self {
        match self {
            Self::Usage(text) => Self::Usage(text),
            Self::Run(text) => Self::Run(format!("{whose}: {text}")),
        }
    }

    fn report(self) -> ExitCode {
        match self {
            Self::Usage(text) => {
                say(&format!("error: {text} (try --help)"));
                ExitCode::from(2)
            }
            Self::Run(text) => {
                say(&format!("error: {text}"));
                ExitCode::FAILURE
            }
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Run(text) => f.write_str(text),
        }
    }
}

impl From<veilsum::Error> for Failure {
    fn from(error: veilsum::Error) -> Self {
        Self::Run(error.to_string())
    }
}

impl From<veilsum::ParamsError> for Failure {
    fn from(error: veilsum::ParamsError) -> Self {
        veilsum::Error::from(error).into()
    }
}

impl From<veilsum::InputError> for Failure {
    fn from(error: veilsum::InputError) -> Self {
        veilsum::Error::from(error).into()
    }
}

/// Parses the command line, runs `body`, and gives the exit code.
pub(crate) fn run<A: Parser>(body: impl FnOnce(A) -> Result<(), Failure>) -> ExitCode {
    match A::try_parse() {
        Ok(arguments) => body(arguments).map_or_else(Failure::report, |()| ExitCode::SUCCESS),
        Err(help) if !help.use_stderr() => {
            print(&help.render().to_string());
            ExitCode::SUCCESS
        }
        Err(help) if help.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            say(help.render().to_string().trim_end());
            ExitCode::from(2)
        }
        Err(error) => Failure::Usage(first_paragraph(&error.to_string())).report(),
    }
}

/// What clap has to say, without the usage lines, in one line.
fn first_paragraph(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or(text);
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

/// Writes a result to the standard output; whoever reads it may have gone.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Writes a line about what is going on to the standard error.
pub(crate) fn say(text: &str) {
    // In one write: the lines of several processes must not run together.
    let _ = io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}
