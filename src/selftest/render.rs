//! What a selftest found, for people and for programs. Pure.

use serde_json::json;

use super::compare::{Allowed, Row, Status, Value, Verdict};
use super::conduct::Findings;
use super::drill::Pace;
use super::figures::{Ceiling, SendLag};
use crate::model::{Color, format_count, format_ratio};
use crate::report::{Align, Table};

/// The version of the JSON object.
const VERSION: u32 = 1;
const NO_DATA: &str = "no data";
const ALIGNS: [Align; 7] =
    [Align::Left, Align::Elastic, Align::Right, Align::Right, Align::Right, Align::Right, Align::Left];

/// A table with a row a claim, the figures, and the verdict in a sentence.
pub fn table(findings: &Findings, color: Color, width: usize) -> String {
    let mut table = Table::new(&ALIGNS);
    table.row(["drill", "claim", "truth", "reported", "difference", "allowed", ""].map(str::to_owned));
    for row in &findings.rows {
        table.row(cells(row));
    }
    let mut lines = table.rows(width).concat();
    for (line, row) in lines.iter_mut().skip(1).zip(&findings.rows) {
        *line = painted(line, row.status, color);
    }
    let failing: Vec<String> = findings.rows.iter().filter_map(why).collect();
    let parts = [lines, failing, figures(findings), vec![sentence(findings)]];
    let parts: Vec<String> =
        parts.into_iter().filter(|lines| !lines.is_empty()).map(|lines| lines.join("\n")).collect();
    parts.join("\n\n") + "\n"
}

fn cells(row: &Row) -> [String; 7] {
    let value = |value: Option<Value>| value.map_or_else(|| NO_DATA.to_owned(), Value::text);
    [
        row.drill.to_owned(),
        row.claim.clone(),
        value(row.truth),
        value(row.reported),
        difference(row),
        allowed(row.allowed),
        word(row.status).to_owned(),
    ]
}

fn difference(row: &Row) -> String {
    let (Some(difference), Some(truth)) = (row.difference(), row.truth) else { return String::new() };
    let sign = if difference < 0.0 { "-" } else { "+" };
    match truth {
        Value::Calls(_) if difference == 0.0 => "0".to_owned(),
        Value::Calls(_) => format!("{difference:+}"),
        Value::Time(truth) => {
            let share = if truth > 0.0 { format_ratio(difference.abs() / truth) } else { NO_DATA.to_owned() };
            format!("{sign}{} ({share})", Value::Time(difference.abs()).text())
        }
    }
}

fn allowed(allowed: Allowed) -> String {
    match allowed {
        Allowed::Nothing => "0".to_owned(),
        Allowed::Share { share, least } if least.is_zero() => format_ratio(share),
        Allowed::Share { share, least } => format!("{} or {} ms", format_ratio(share), least.as_millis()),
        Allowed::LessByShare(share) => format!(">= -{}", format_ratio(share)),
    }
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Fail => "FAIL",
        Status::Invalid => "INVALID",
    }
}

fn painted(line: &str, status: Status, color: Color) -> String {
    let code = match (color, status) {
        (Color::Off, _) | (Color::On, Status::Ok) => return line.to_owned(),
        (Color::On, Status::Fail) => 31,
        (Color::On, Status::Invalid) => 33,
    };
    format!("\u{1b}[{code}m{line}\u{1b}[0m")
}

fn why(row: &Row) -> Option<String> {
    (row.status != Status::Ok)
        .then(|| format!("{} {}, {}: {}", word(row.status), row.drill, row.claim, row.why))
}

fn figures(findings: &Findings) -> Vec<String> {
    let ceiling = findings.ceiling.iter().map(ceiling);
    let lags = findings.send_lags.iter().map(|lag| {
        let cores = findings.ceiling.as_ref().map_or(0, |ceiling| ceiling.cores);
        send_lag(lag, cores)
    });
    ceiling.chain(lags).collect()
}

fn ceiling(ceiling: &Ceiling) -> String {
    let Ceiling { users, profile, cores, .. } = ceiling;
    let (Some(rate), Some(cpu)) = (ceiling.calls_per_second, ceiling.cpu_seconds) else {
        return format!("ceiling: {NO_DATA}");
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    let rate = format_count(rate.round() as u64);
    format!(
        "ceiling: {rate} calls/s, {cpu:.2} CPU seconds per 100,000 calls ({profile} build, {users} users), {}",
        beside(*cores)
    )
}

fn send_lag(lag: &SendLag, cores: usize) -> String {
    let time = |time: Option<f64>| time.map_or_else(|| NO_DATA.to_owned(), |time| Value::Time(time).text());
    let rate = format_count(lag.rate.into());
    format!("send lag at {rate}/s: p50 {}, p99 {}, {}", time(lag.p50), time(lag.p99), beside(cores))
}

fn beside(cores: usize) -> String {
    let cores = if cores == 1 { "one core".to_owned() } else { format!("{cores} cores") };
    format!("with the null server on the same {cores}")
}

/// The verdict.
fn sentence(findings: &Findings) -> String {
    let all = findings.rows.len();
    let of = |status| findings.rows.iter().filter(move |row| row.status == status);
    let named = |status| {
        let names: Vec<String> = of(status).map(|row| format!("{} ({})", row.claim, row.drill)).collect();
        names.join(", ")
    };
    let (ok, fail, invalid) = (of(Status::Ok).count(), of(Status::Fail).count(), of(Status::Invalid).count());
    match findings.verdict() {
        Verdict::Holds => format!("All {all} claims hold: what gander reports here is what happened."),
        Verdict::Fails => format!(
            "{fail} of {all} claims {} not hold: {}. Do not trust what gander reports here.",
            if fail == 1 { "does" } else { "do" },
            named(Status::Fail)
        ),
        Verdict::Invalid if invalid == 0 => {
            format!("Could not be measured: {}. All {all} claims hold.", findings.missing().join(", "))
        }
        Verdict::Invalid => format!(
            "This machine is too noisy to judge {invalid} of {all} claims: {}. The other {ok} hold.",
            named(Status::Invalid)
        ),
    }
}

/// The same as one JSON object.
pub fn json(findings: &Findings) -> String {
    let rows: Vec<serde_json::Value> = findings.rows.iter().map(row_json).collect();
    let lags: Vec<serde_json::Value> = findings
        .send_lags
        .iter()
        .map(|lag| json!({"rate": lag.rate, "p50": lag.p50, "p99": lag.p99}))
        .collect();
    let ceiling = findings.ceiling.as_ref().map(|ceiling| {
        json!({
            "target": "null server on the same cores",
            "cores": ceiling.cores,
            "users": ceiling.users,
            "profile": ceiling.profile,
            "calls_per_second": ceiling.calls_per_second,
            "cpu_seconds_per_100k_calls": ceiling.cpu_seconds,
        })
    });
    let object = json!({
        "version": VERSION,
        "gander": env!("CARGO_PKG_VERSION"),
        "quick": findings.pace == Pace::Quick,
        "verdict": match findings.verdict() {
            Verdict::Holds => "ok",
            Verdict::Fails => "FAIL",
            Verdict::Invalid => "INVALID",
        },
        "because": sentence(findings),
        "claims": rows,
        "ceiling": ceiling,
        "send_lag": lags,
    });
    format!("{object:#}\n")
}

fn row_json(row: &Row) -> serde_json::Value {
    let unit = row.truth.or(row.reported).map(Value::unit);
    json!({
        "drill": row.drill,
        "claim": row.claim,
        "unit": unit,
        "truth": row.truth.map(Value::number),
        "reported": row.reported.map(Value::number),
        "difference": row.difference(),
        "allowed": allowed(row.allowed),
        "result": word(row.status),
        "why": row.why,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn findings() -> Findings {
        let row = |claim: &str, truth, reported, allowed, status, why: &str| Row {
            drill: "latency",
            claim: claim.to_owned(),
            truth,
            reported,
            allowed,
            status,
            why: why.to_owned(),
        };
        let near = Allowed::Share { share: 0.02, least: Duration::from_millis(1) };
        let time = |seconds| Some(Value::Time(seconds));
        Findings {
            pace: Pace::Quick,
            rows: vec![
                row("service p50", time(0.02), time(0.0201), near, Status::Ok, ""),
                row("service p99", time(0.1), time(0.097), near, Status::Fail, "the report is wrong"),
                row("calls sent", Some(Value::Calls(2000)), None, Allowed::Nothing, Status::Invalid, "noise"),
            ],
            ceiling: Some(Ceiling {
                users: 32,
                cores: 2,
                profile: "dev".to_owned(),
                calls_per_second: Some(19_551.4),
                cpu_seconds: Some(1.775),
            }),
            send_lags: vec![SendLag { rate: 2000, p50: Some(0.000_08), p99: Some(0.000_5) }],
        }
    }

    #[test]
    fn a_selftest_is_told_in_a_table_and_a_sentence() {
        let expected = "\
drill    claim          truth  reported        difference      allowed
latency  service p50  20.0 ms   20.1 ms  +100 us (0.50 %)  2 % or 1 ms  ok
latency  service p99   100 ms   97.0 ms    -3.00 ms (3 %)  2 % or 1 ms  FAIL
latency  calls sent     2,000   no data                              0  INVALID

FAIL latency, service p99: the report is wrong
INVALID latency, calls sent: noise

ceiling: 19,551 calls/s, 1.77 CPU seconds per 100,000 calls (dev build, 32 users), with the null server on the same 2 cores
send lag at 2,000/s: p50 80 us, p99 500 us, with the null server on the same 2 cores

1 of 3 claims does not hold: service p99 (latency). Do not trust what gander reports here.
";
        assert_eq!(table(&findings(), Color::Off, 100), expected);
    }

    #[test]
    fn the_verdict_is_that_of_its_worst_claim() {
        let mut findings = findings();
        findings.rows.remove(1);
        let noisy =
            "This machine is too noisy to judge 1 of 2 claims: calls sent (latency). The other 1 hold.";
        assert_eq!(sentence(&findings), noisy);
        findings.rows.pop();
        findings.send_lags[0].p99 = None;
        assert_eq!(sentence(&findings), "Could not be measured: the send lag at 2000/s. All 1 claims hold.");
        findings.send_lags[0].p99 = Some(0.001);
        assert_eq!(sentence(&findings), "All 1 claims hold: what gander reports here is what happened.");
    }

    #[test]
    fn the_json_has_the_same_in_numbers() {
        let object: serde_json::Value = serde_json::from_str(&json(&findings())).unwrap();
        assert_eq!((&object["verdict"], &object["quick"]), (&json!("FAIL"), &json!(true)));
        let claim = &object["claims"][1];
        assert_eq!((&claim["result"], &claim["unit"]), (&json!("FAIL"), &json!("s")));
        assert!((claim["difference"].as_f64().unwrap() + 0.003).abs() < 1e-9, "{claim}");
        assert_eq!(object["claims"][2]["reported"], serde_json::Value::Null);
        assert_eq!(object["ceiling"]["cores"], 2);
        assert_eq!(object["send_lag"][0]["rate"], 2000);
    }
}
