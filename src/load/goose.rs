//! Goose runs the users: one of its transactions is one round of one of ours. The only file that names Goose.
//!
//! Goose's own HTTP client, metrics, reports, prompts and control ports stay out of the way. Its stop is the
//! process-wide kill switch, so one load runs at a time.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use goose::config::GooseConfiguration;
use goose::goose::{GooseUser, Scenario, Transaction, TransactionFunction, TransactionResult};
use goose::{GooseAttack, GooseError};
use tokio::sync::Mutex;

use super::user::{User, Workload};

/// All users are started within about this long; users whose time has not come wait by themselves.
const START_WITHIN_SECONDS: f64 = 0.1;
/// A user that has nothing to do any more looks this often whether Goose has called it off.
const IDLE: Duration = Duration::from_millis(20);
/// How long an interrupted load may take to wind down.
const GRACE: Duration = Duration::from_secs(2);

/// Goose could not run the load.
#[derive(Debug, thiserror::Error)]
#[error("the load could not be run")]
pub struct LoadError(#[source] Box<GooseError>);

type Users = Arc<Vec<Mutex<User>>>;
type Round<'a> = Pin<Box<dyn Future<Output = TransactionResult> + Send + 'a>>;

/// Runs the load from its first user to the end of its last call. It ends by itself when the plan is over, earlier
/// when `work.signals.stop` is cancelled; calls in flight then still end, unless `abort` is cancelled too.
pub async fn run(work: Arc<Workload>) -> Result<(), LoadError> {
    let peak = work.plan.load.peak_users();
    let users: Users = Arc::new((0..peak).map(|index| Mutex::new(User::new(&work, index))).collect());
    let attack = attack(&work, &users, peak).map_err(|error| LoadError(Box::new(error)))?;
    let end = tokio::spawn(end_of_load(Arc::clone(&work)));
    let result = attack.execute().await;
    work.signals.stop.cancel();
    end.abort();
    result.map(|_| ()).map_err(|error| LoadError(Box::new(error)))
}

/// Stops the load when the plan is over, waits for the calls in flight, then lets Goose go.
async fn end_of_load(work: Arc<Workload>) {
    let rest = work.plan.load.duration().saturating_sub(work.clock.now());
    tokio::select! {
        () = tokio::time::sleep(rest) => work.signals.stop.cancel(),
        () = work.signals.stop.cancelled() => {}
    }
    let drained = async {
        while work.recorder.recorded() < work.recorder.planned() {
            tokio::time::sleep(IDLE).await;
        }
    };
    tokio::select! {
        () = drained => {}
        () = async { work.signals.abort.cancelled().await; tokio::time::sleep(GRACE).await } => {}
    }
    goose::trigger_killswitch("the load is over");
}

fn attack(work: &Arc<Workload>, users: &Users, peak: u32) -> Result<GooseAttack, GooseError> {
    let (round_work, round_users) = (Arc::clone(work), Arc::clone(users));
    let round: TransactionFunction = Arc::new(move |goose_user: &mut GooseUser| -> Round<'_> {
        let (work, users, index) =
            (Arc::clone(&round_work), Arc::clone(&round_users), goose_user.weighted_users_index);
        Box::pin(async move {
            users[index].lock().await.round(&work).await;
            if work.signals.stop.is_cancelled() {
                tokio::time::sleep(IDLE).await;
            }
            Ok(())
        })
    });
    let (leave_work, leave_users) = (Arc::clone(work), Arc::clone(users));
    let leave: TransactionFunction = Arc::new(move |goose_user: &mut GooseUser| -> Round<'_> {
        let (work, users, index) =
            (Arc::clone(&leave_work), Arc::clone(&leave_users), goose_user.weighted_users_index);
        Box::pin(async move {
            users[index].lock().await.leave(&work).await;
            Ok(())
        })
    });
    let scenario = Scenario::new("gander")
        .register_transaction(Transaction::new(round))
        .register_transaction(Transaction::new(leave).set_on_stop());
    Ok(GooseAttack::initialize_with_config(configuration(peak)?)?.register_scenario(scenario))
}

fn configuration(peak: u32) -> Result<GooseConfiguration, GooseError> {
    let mut configuration = GooseConfiguration::parse_args_default::<&str>(&[])?;
    // Never called: our users have their own connections. Goose wants a valid one.
    configuration.host = Some("http://127.0.0.1/".to_owned());
    configuration.users = Some(peak as usize);
    configuration.increase_rate = Some(format!("{:.1}", f64::from(peak) / START_WITHIN_SECONDS));
    configuration.quiet = u8::MAX;
    configuration.no_metrics = true;
    configuration.no_print_metrics = true;
    configuration.no_transaction_metrics = true;
    configuration.no_scenario_metrics = true;
    configuration.no_reset_metrics = false;
    configuration.no_error_summary = true;
    configuration.no_status_codes = true;
    configuration.no_telnet = true;
    Ok(configuration)
}
