//! `gander selftest`: is what gander reports on this machine what happened?

use std::io;
use std::path::{Path, PathBuf};

use super::args::SelftestArgs;
use super::exit::Exit;
use super::run::exit_of;
use super::screen::Screen;
use super::signals;
use crate::selftest::{Findings, Pace, SelftestError, SelftestOptions, Verdict, conduct, json, table};

pub(super) fn selftest(args: &SelftestArgs, screen: Screen) -> Exit {
    match conducted(args, screen) {
        Ok(Ok(findings)) => {
            let text =
                if args.json { json(&findings) } else { table(&findings, screen.out_color, screen.width) };
            screen.print(text.as_bytes());
            match findings.verdict() {
                Verdict::Holds => Exit::Success,
                Verdict::Fails => Exit::Failed,
                Verdict::Invalid => Exit::Invalid,
            }
        }
        Ok(Err(error)) => {
            screen.error(&error);
            exit_of_selftest(&error)
        }
        Err(error) => {
            screen.error(&error);
            Exit::Invalid
        }
    }
}

/// Carries it out in a folder that is gone afterwards, unless it is to be kept.
fn conducted(args: &SelftestArgs, screen: Screen) -> io::Result<Result<Findings, SelftestError>> {
    let passing = if args.keep.is_none() { Some(tempfile::tempdir()?) } else { None };
    let folder = args.keep.as_deref().or(passing.as_ref().map(tempfile::TempDir::path));
    let options = SelftestOptions {
        pace: if args.quick { Pace::Quick } else { Pace::Full },
        folder: folder.map_or_else(PathBuf::new, Path::to_owned),
        program: std::env::current_exe().unwrap_or_else(|_| "gander".into()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut tell = |drill: &str, seconds: u32| screen.tell(&format!("{drill} ({seconds} s of load)\n"));
    Ok(runtime.block_on(async { conduct(&options, signals::listen(), &mut tell).await }))
}

fn exit_of_selftest(error: &SelftestError) -> Exit {
    match error {
        SelftestError::Folder { .. } => Exit::BadInput,
        SelftestError::Scenario { .. } => Exit::Bug,
        SelftestError::Run { source, .. } => exit_of(source),
        SelftestError::Record(_) | SelftestError::TruthFile { .. } | SelftestError::Truth { .. } => {
            Exit::Invalid
        }
        SelftestError::Interrupted(signal) => Exit::Signal(*signal),
    }
}
