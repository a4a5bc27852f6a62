//! A drill's report as text: what was proven, what was not, and what to do about it.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::delivery::{RECEIVER, route_snippet};
use super::report::{Delivery, DrillReport, DrilledAlert, Fate, Silence};
use crate::model::{counted, format_duration, printable_text};

/// The report as lines. `webhook` is the address that the way to a proof of delivery names.
pub fn render(report: &DrillReport, webhook: SocketAddr) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        writeln!(out, "{}", printable_text(text)).expect("writing to a string does not fail");
    };
    line(&format!("drill {}: Alertmanager {}", report.drill, report.version));
    line(&silence(report.silence.as_ref()));
    line(&format!("{} accepted", counted(report.alerts.len() as u64, "alert")));
    for alert in &report.alerts {
        line(&format!("  {}", alert.labels));
        line(&format!("    {}", fate(alert.fate.as_ref(), report.silence.is_some())));
        if let Some(told) = delivered(alert) {
            line(&format!("    {told}"));
        }
    }
    if !is_proven(report) {
        line("");
        way_to_proof(webhook).lines().for_each(&mut line);
        line("");
    }
    line(&delivery(report));
    line(&match report.over_after {
        Some(after) => {
            format!("over: none of them fires any more, {} after they were resolved", format_duration(after))
        }
        None => {
            "NOT over: some still fire in Alertmanager, though they were resolved; they end by themselves"
                .to_owned()
        }
    });
    out
}

fn silence(silence: Option<&Silence>) -> String {
    match silence {
        None => "no silence: whoever the routes say was told".to_owned(),
        Some(Silence { id, until, lifted_after: None }) => {
            format!("silence {id}: nobody is told; it ends at {}", until.strftime("%Y-%m-%d %H:%M:%S UTC"))
        }
        Some(Silence { id, lifted_after: Some(after), .. }) => {
            let after = format_duration(*after);
            format!(
                "silence {id}: lifted {after} after the alerts were posted: they go to `{RECEIVER}` alone"
            )
        }
    }
}

fn fate(fate: Option<&Fate>, silenced: bool) -> String {
    let Some(fate) = fate else { return "NOT SHOWN by Alertmanager in time".to_owned() };
    let mut text = format!("routed to {}", fate.receivers.join(", "));
    if !fate.inhibited_by.is_empty() {
        write!(text, "; inhibited by {}", fate.inhibited_by.join(", "))
            .expect("writing to a string does not fail");
    }
    if fate.silenced {
        text.push_str("; silenced");
    } else if silenced {
        text.push_str("; NOT SILENCED");
    }
    text
}

fn delivered(alert: &DrilledAlert) -> Option<String> {
    let after = alert.delivered_after.map(format_duration)?;
    let resolved = alert.resolution_delivered_after.map_or_else(
        || "that it is over was NOT delivered".to_owned(),
        |resolved| format!("that it is over after {}", format_duration(resolved)),
    );
    Some(format!("delivered {after} after it was posted; {resolved}"))
}

fn delivery(report: &DrillReport) -> String {
    match &report.delivery {
        Delivery::NotTried => "delivery: not proven, because it was not asked for (`--webhook`)".to_owned(),
        Delivery::Withheld { receivers } if receivers.is_empty() => {
            "delivery: NOT PROVEN: the silence was not lifted, because Alertmanager did not show where all alerts go"
                .to_owned()
        }
        Delivery::Withheld { receivers } => format!(
            "delivery: NOT PROVEN: the silence was not lifted, because {} would have been told",
            receivers.join(", ")
        ),
        Delivery::Tried { notifications, others } => {
            let came = report.alerts.iter().filter(|alert| alert.delivered_after.is_some()).count();
            let proven = if is_proven(report) { "proven" } else { "NOT PROVEN" };
            let other =
                if *others > 0 { format!(", and {}", counted(*others, "other request")) } else { String::new() };
            let notifications = counted(*notifications, "notification");
            format!("delivery: {proven}: {came} of {} came, in {notifications}{other}", report.alerts.len())
        }
    }
}

/// True when an alert came, and each that nothing kept back.
fn is_proven(report: &DrillReport) -> bool {
    let came = |alert: &DrilledAlert| alert.delivered_after.is_some();
    let kept_back =
        |alert: &DrilledAlert| alert.fate.as_ref().is_some_and(|fate| !fate.inhibited_by.is_empty());
    report.alerts.iter().any(came) && report.alerts.iter().all(|alert| came(alert) || kept_back(alert))
}

fn way_to_proof(webhook: SocketAddr) -> String {
    format!(
        "To prove delivery, add this to alertmanager.yml, and ask again with `--webhook={webhook}`. The silence is lifted \
         only when\nAlertmanager shows that every alert goes to `{RECEIVER}` alone:\n\n{}",
        route_snippet(webhook)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::WEBHOOK;
    use super::*;

    fn report() -> DrillReport {
        let alert = |name: &str, inhibited_by: &[&str]| DrilledAlert {
            labels: [("alertname", name)].into_iter().collect(),
            fate: Some(Fate {
                receivers: vec!["pagerduty".to_owned(), "slack".to_owned()],
                silenced: true,
                inhibited_by: inhibited_by.iter().map(|&by| by.to_owned()).collect(),
            }),
            delivered_after: None,
            resolution_delivered_after: None,
        };
        DrillReport {
            drill: "drill-1".to_owned(),
            version: "0.25.0".to_owned(),
            silence: Some(Silence {
                id: "a-1".to_owned(),
                until: "2026-11-23T12:00:00Z".parse().unwrap(),
                lifted_after: None,
            }),
            alerts: vec![alert("Down", &[]), alert("Slow\u{1b}[31m", &["{alertname=\"Down\"}"])],
            delivery: Delivery::NotTried,
            over_after: Some(Duration::from_millis(120)),
        }
    }

    #[test]
    fn a_silenced_drill_says_what_it_proved_and_how_to_prove_the_rest() {
        let text = render(&report(), WEBHOOK);
        let expected = "\
drill drill-1: Alertmanager 0.25.0
silence a-1: nobody is told; it ends at 2026-11-23 12:00:00 UTC
2 alerts accepted
  {alertname=\"Down\"}
    routed to pagerduty, slack; silenced
  {alertname=\"Slow\\u{1b}[31m\"}
    routed to pagerduty, slack; inhibited by {alertname=\"Down\"}; silenced

To prove delivery";
        assert!(text.starts_with(expected), "{text}");
        let last = "\n\ndelivery: not proven, because it was not asked for (`--webhook`)\n\
                    over: none of them fires any more, 120 ms after they were resolved\n";
        assert!(text.ends_with(last), "{text}");
        assert!(text.contains("url: http://127.0.0.1:9765/") && text.contains("load_test!="), "{text}");
    }

    #[test]
    fn a_drill_whose_alerts_came_needs_no_advice() {
        let mut report = report();
        report.delivery = Delivery::Tried { notifications: 2, others: 1 };
        report.alerts[0].delivered_after = Some(Duration::from_millis(900));
        assert!(report.is_as_wanted());
        let text = render(&report, WEBHOOK);
        assert!(
            text.contains("delivery: proven: 1 of 2 came, in 2 notifications, and 1 other request"),
            "{text}"
        );
        assert!(
            text.contains("delivered 900 ms after it was posted; that it is over was NOT delivered"),
            "{text}"
        );
        assert!(!text.contains("To prove delivery"), "{text}");
    }

    #[test]
    fn what_went_wrong_stands_out() {
        let mut report = report();
        report.alerts[0].fate = None;
        report.delivery = Delivery::Withheld { receivers: vec!["pagerduty".to_owned()] };
        report.over_after = None;
        assert!(!report.is_as_wanted());
        let text = render(&report, WEBHOOK);
        for words in ["NOT SHOWN", "NOT PROVEN: the silence was not lifted, because pagerduty", "NOT over"] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }
}
