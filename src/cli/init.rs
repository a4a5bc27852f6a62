//! `gander init`: a first scenario, and its SLOs, for a server that is there.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::args::InitArgs;
use super::exit::Exit;
use super::files::{tell_problems, write_outputs};
use super::screen::Screen;
use super::signals;
use crate::init::{Drafted, InitError, InitOptions, Probing, Server, visit};
use crate::model::counted;
use crate::plan::Proxies;
use crate::report::OutputFile;
use crate::run::{kill_processes, user_agent};

pub(super) fn init(args: &InitArgs, screen: Screen) -> Exit {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.error(&error);
            return Exit::Invalid;
        }
    };
    let drafted = runtime.block_on(async {
        let mut signals = signals::listen();
        tokio::select! {
            drafted = drafted(args, screen) => drafted,
            Some(signal) = signals.recv() => Err(Exit::Signal(signal)),
        }
    });
    // A server that was started for this does not outlive it.
    kill_processes();
    match drafted {
        Ok(drafted) => write(args, &drafted, screen),
        Err(exit) => exit,
    }
}

async fn drafted(args: &InitArgs, screen: Screen) -> Result<Drafted, Exit> {
    let env = |name: &str| std::env::var(name).ok();
    let options = InitOptions {
        server: server(args),
        name: args.name.clone(),
        allow_hosts: args.allow_host.clone(),
        bearer_env: args.bearer_env.clone(),
        probing: if args.no_probe { Probing::Nothing } else { Probing::Each },
        user_agent: user_agent(),
    };
    // Before anything is sent, as far as the name is known.
    if let Some(name) = &args.name {
        keep_what_is_there(args, name, screen)?;
    }
    let told = |error| told(&error, args, screen);
    let visit = visit(options, &env, &Proxies::from_environment(&env)).await.map_err(told)?;
    keep_what_is_there(args, visit.name(), screen)?;
    let mut tell = |count| screen.tell(&format!("trying {count} calls, each once\n"));
    visit.draft(&mut tell).await.map_err(told)
}

fn server(args: &InitArgs) -> Server {
    let url = args.server.target.clone().map(Server::At);
    url.or_else(|| args.server.stdio.clone().map(Server::Command)).expect("clap asks for one of the two")
}

/// Where the files go: the scenario, and its SLOs.
fn paths(folder: &Path, name: &str) -> [PathBuf; 2] {
    [format!("{name}.yaml"), format!("{name}.slo.yaml")].map(|file| folder.join(file))
}

fn keep_what_is_there(args: &InitArgs, name: &str, screen: Screen) -> Result<(), Exit> {
    let there: Vec<PathBuf> =
        paths(&args.out, name).into_iter().filter(|path| !args.force && path.exists()).collect();
    for path in &there {
        screen.tell(&format!("error: `{}` is there already\n", path.display()));
    }
    if there.is_empty() {
        return Ok(());
    }
    screen.tell("  help: choose another `--name` or `--out`, or write over it with `--force`\n");
    Err(Exit::BadInput)
}

fn told(error: &InitError, args: &InitArgs, screen: Screen) -> Exit {
    match error {
        InitError::Flags(problems) => {
            tell_problems(problems, screen);
            Exit::BadInput
        }
        InitError::NoServer => {
            screen.error(error);
            Exit::BadInput
        }
        InitError::Contact(_) => {
            screen.error(error);
            if error.asks_who_calls() && args.bearer_env.is_none() {
                screen
                    .tell("  help: pass the name of the variable that holds the token: `--bearer-env VAR`\n");
            }
            Exit::Unreachable
        }
        InitError::Wire(_) => {
            screen.error(error);
            Exit::Unreachable
        }
        InitError::Unreadable(problems) => {
            screen.error(error);
            tell_problems(problems, screen);
            Exit::Bug
        }
    }
}

fn write(args: &InitArgs, drafted: &Drafted, screen: Screen) -> Exit {
    let texts = [&drafted.scenario, &drafted.slo];
    let files: Vec<OutputFile> = paths(Path::new(""), &drafted.name)
        .into_iter()
        .zip(texts)
        .map(|(path, text)| OutputFile {
            name: path.to_string_lossy().into_owned(),
            bytes: text.clone().into(),
        })
        .collect();
    if let Err(error) = write_outputs(&args.out, &files) {
        screen.error(&error);
        return Exit::BadInput;
    }
    screen.print(summary(&args.out, drafted).as_bytes());
    Exit::Success
}

/// What was written, what of it is switched off, and what to type next.
fn summary(folder: &Path, drafted: &Drafted) -> String {
    let folder = if folder == Path::new(".") { Path::new("") } else { folder };
    let [scenario, slo] = paths(folder, &drafted.name).map(|path| path.display().to_string());
    let mut text = format!(
        "wrote {scenario}: {} {} on\nwrote {slo}\n",
        counted(drafted.enabled as u64, "transaction"),
        if drafted.enabled == 1 { "is" } else { "are" }
    );
    let line = |text: &mut String, what: &str| {
        writeln!(text, "  {what}").expect("writing to a string does not fail");
    };
    if !drafted.disabled.is_empty() {
        writeln!(text, "\nswitched off (`weight: 0`):").expect("writing to a string does not fail");
        for (name, why) in &drafted.disabled {
            line(&mut text, &format!("{name}: {why}"));
        }
    }
    if !drafted.left_out.is_empty() {
        writeln!(text, "\nnot in it:").expect("writing to a string does not fail");
        for left_out in &drafted.left_out {
            line(&mut text, left_out);
        }
    }
    text + &format!("\nnext: gander run {scenario}\n")
}
