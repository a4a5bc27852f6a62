//! Calls whose answers come apart from them: deadlines, lost sessions, and processes that end when they should.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use procfs::process::Process;

use super::rig::{CALL, INITIALIZE, Rig, exchange, perform, set_up};
use crate::clock::Clock;
use crate::mcp::Client;
use crate::mcp::channel::Program;
use crate::mcp::gathered::Gathered;
use crate::mcp::wire::Wire;
use crate::model::{Era, Outcome, ProtocolFault, Secrets, Strays, TimeoutPhase, TransportFault};
use crate::plan::{Operation, Processes, StdioTarget, Template};

const SHORT: Duration = Duration::from_millis(100);
/// Answers every request with its own id. `$n` counts them.
const ANSWER: &str = r#"
n=0
while read -r line; do
  case $line in *'"id"'*) ;; *) continue ;; esac
  n=$((n + 1))
  id=${line#*'"id":'}
  id=${id%%,*}
  result='{"protocolVersion":"2025-11-25","content":[]}'
  MORE
  echo '{"jsonrpc":"2.0","id":'$id',"result":'$result'}'
done
"#;

/// A client whose load is to listen for a while, to a process that runs `more` before each of its answers.
fn listener(more: &str, era: Era) -> (Client, Arc<Program>, Gathered) {
    let listen = Operation::Listen { filter: Template::literal("{}"), length: SHORT };
    client_of(Rig::at("http://127.0.0.1/").deadline(SHORT).operation(listen), more, era, Processes::PerUser)
}

/// A client of processes that run `more` before each of their answers.
fn client(more: &str, era: Era, deadline: Duration) -> (Client, Arc<Program>, Gathered) {
    shared_client(more, era, deadline, Processes::PerUser)
}

fn shared_client(
    more: &str,
    era: Era,
    deadline: Duration,
    processes: Processes,
) -> (Client, Arc<Program>, Gathered) {
    client_of(Rig::at("http://127.0.0.1/").deadline(deadline), more, era, processes)
}

fn client_of(
    Rig { plan, .. }: Rig,
    more: &str,
    era: Era,
    processes: Processes,
) -> (Client, Arc<Program>, Gathered) {
    let command = ["sh", "-c", &ANSWER.replace("MORE", more)].map(Into::into).to_vec();
    let target = StdioTarget { command, env: BTreeMap::new(), cwd: None, processes };
    let gathered = Gathered::new(Secrets::default());
    let program = Arc::new(Program::new(&target, Secrets::default(), gathered.clone()));
    let revision = if era == Era::Modern { "2026-07-28" } else { "2025-11-25" };
    let mut wire = Wire::over_lines(
        (&plan, crate::model::RunTag::of(std::time::UNIX_EPOCH)),
        Arc::clone(&program),
        era,
        revision,
    );
    if processes == Processes::Shared {
        wire.set_up.clear();
    }
    (Client::new(Arc::new(wire), Clock::start(), 1), program, gathered)
}

async fn strays(gathered: &Gathered) -> Strays {
    loop {
        let (strays, _, _) = gathered.take();
        if !strays.is_none() {
            return strays;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_leaves_its_process_alone() {
    // A new process would sleep again.
    let wait = "[ $n -eq 1 ] && sleep 0.3";
    let (mut client, program, gathered) = client(wait, Era::Modern, SHORT);
    let given_up = Outcome::Transport(TransportFault::Timeout(TimeoutPhase::FirstByte));
    assert_eq!(perform(&mut client, CALL).await, given_up);
    assert_eq!(strays(&gathered).await, Strays { late: 1, ..Strays::default() });
    assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
    program.hang_up();
    program.gone().await;
}

#[tokio::test]
async fn a_process_that_ended_is_started_anew_and_shaken_hands_with() {
    let (mut client, program, gathered) =
        client("[ $n -gt 1 ] && exit 3", Era::Legacy, Duration::from_secs(9));
    let eof = Outcome::Transport(TransportFault::Eof);
    assert_eq!(perform(&mut client, CALL).await, eof, "a legacy server is not called without a handshake");
    for _ in 0..2 {
        assert_eq!(client.next_set_up(), Some(INITIALIZE));
        assert_eq!(set_up(&mut client).await, Outcome::Ok);
        assert_eq!(perform(&mut client, CALL).await, eof);
    }
    let (strays, _, remarks) = gathered.take();
    assert!(strays.is_none() && remarks.len() == 2, "{strays:?} {remarks:?}");
    assert!(remarks[0].contains("ended by itself (exit status: 3)"), "{remarks:?}");
    program.hang_up();
    program.gone().await;
    assert_eq!(set_up(&mut client).await, eof, "nothing is started any more");
}

#[tokio::test]
async fn a_reset_client_has_a_new_process() {
    let (mut client, program, _) = client("[ $n -gt 1 ] && exit 3", Era::Modern, Duration::from_secs(9));
    for _ in 0..2 {
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
        client.reset();
    }
    program.gone().await;
}

#[tokio::test]
async fn a_process_that_all_share_is_shaken_hands_with_once_by_whoever_comes_first() {
    // It dies with its third answer: the handshake's, and one call's.
    let die = "[ $n -gt 2 ] && exit 3";
    let (mut client, program, _) = shared_client(die, Era::Legacy, Duration::from_secs(9), Processes::Shared);
    assert_eq!(client.next_set_up(), None);
    assert_eq!(program.shared_pid(), None);
    for outcome in [Outcome::Ok, Outcome::Transport(TransportFault::Eof), Outcome::Ok] {
        assert_eq!(perform(&mut client, CALL).await, outcome);
    }
    let pid = program.shared_pid().unwrap();
    client.reset();
    assert_eq!(program.shared_pid(), Some(pid), "it is not one user's to end");
    program.hang_up();
    program.gone().await;
    assert!(has_ended(pid));
}

#[tokio::test]
async fn an_answer_under_an_id_that_is_a_text_is_told_as_such() {
    let (mut client, program, _) = client("id='\"'$id'\"'", Era::Modern, Duration::from_secs(9));
    assert_eq!(perform(&mut client, CALL).await, Outcome::Protocol(ProtocolFault::WrongId));
    program.hang_up();
    program.gone().await;
}

/// News of the modern era, for the subscription `id`.
fn news(id: &str) -> String {
    let meta = format!(r#"{{"io.modelcontextprotocol/subscriptionId":'{id}'}}"#);
    format!(r#"echo '{{"method":"notifications/tools/list_changed","params":{{"_meta":{meta}}}}}'; "#)
}

#[tokio::test]
async fn a_modern_subscription_over_a_process_hears_its_own_news_until_its_time_is_over() {
    let more = news("$id") + "sleep 0.02; " + &news("$id") + &news("7") + "continue";
    let (mut client, program, gathered) = listener(&more, Era::Modern);
    let listened = exchange(&mut client, CALL).await;
    assert_eq!(listened.outcome, Outcome::Ok, "{listened:?}");
    let times = listened.stream.unwrap();
    assert_eq!((times.first_event, times.first_news), (Some(listened.end), times.second_event));
    assert!(times.longest_gap.unwrap() >= Duration::from_millis(10), "others' news is not heard: {times:?}");
    assert!(listened.end + listened.held >= listened.sent + SHORT);
    program.hang_up();
    program.gone().await;
    assert_eq!(gathered.take().1.notifications[0].count, 3);
}

#[tokio::test]
async fn what_a_target_refuses_to_tell_is_a_failure() {
    let refusal = r#"echo '{"jsonrpc":"2.0","id":'$id',"error":{"code":-32601,"message":"no"}}'; continue"#;
    let (mut client, program, _) = listener(refusal, Era::Modern);
    assert_eq!(perform(&mut client, CALL).await, Outcome::JsonRpcError(-32601));
    let (mut silent, silence, _) = listener("continue", Era::Modern);
    let nothing = Outcome::Transport(TransportFault::Timeout(TimeoutPhase::FirstByte));
    assert_eq!(perform(&mut silent, CALL).await, nothing);
    for program in [program, silence] {
        program.hang_up();
        program.gone().await;
    }
}

#[tokio::test]
async fn before_the_modern_era_whatever_comes_over_a_process_is_heard() {
    // It says something after the handshake, and not because it is asked.
    let more = r#"(sleep 0.05; echo '{"method":"notifications/message","params":{}}') &"#;
    let (mut client, program, _) = listener(more, Era::Legacy);
    assert_eq!(set_up(&mut client).await, Outcome::Ok);
    let listened = exchange(&mut client, CALL).await;
    assert_eq!(listened.outcome, Outcome::Ok, "{listened:?}");
    assert!(listened.stream.unwrap().first_news.is_some());
    program.hang_up();
    program.gone().await;
    assert_eq!(perform(&mut client, CALL).await, Outcome::Transport(TransportFault::Eof));
}

/// A zombie has ended.
fn has_ended(pid: u32) -> bool {
    let process = Process::new(i32::try_from(pid).unwrap());
    process.and_then(|process| process.stat()).map_or(true, |stat| stat.state == 'Z')
}

#[test]
fn a_runtime_that_goes_away_takes_its_processes_with_it() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stubborn = r"[ $n -eq 1 ] && { trap '' TERM; sleep 600 & }";
    let program = runtime.block_on(async {
        let (mut client, program, _) =
            shared_client(stubborn, Era::Modern, Duration::from_secs(9), Processes::Shared);
        assert_eq!(perform(&mut client, CALL).await, Outcome::Ok);
        program
    });
    let pid = program.shared_pid().unwrap();
    let group = || {
        let all = procfs::process::all_processes().unwrap().filter_map(Result::ok);
        let stats = all.filter_map(|process| process.stat().ok());
        stats.filter(|stat| stat.pgrp.unsigned_abs() == pid && stat.state != 'Z').count()
    };
    assert_eq!(group(), 2, "the process and its child");
    drop(runtime);
    // A killed process is gone a moment later.
    let gone = (0..1_000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        group() == 0
    });
    assert!(gone, "{} processes are left", group());
}
