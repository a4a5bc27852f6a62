//! What the demo target says became of each call, read from its truth file; and quantiles of exact values. Pure.

use std::time::Duration;

/// The account of a demo target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Truth {
    /// Tool calls that came.
    pub(super) count: u64,
    /// Each of them, in the order of their coming; empty where the target only counts.
    pub(super) calls: Vec<TrueCall>,
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TrueCall {
    /// When it came, since the start of the target.
    pub(super) arrived: Duration,
    /// From then until its answer left.
    pub(super) service: Duration,
    pub(super) became: Became,
}

/// How the target says that a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Became {
    Ok,
    ToolError,
    RpcError,
    HttpError,
    Aborted,
    Lost,
    Duplicated,
}

/// A line that is none of a truth file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("line {0} is not what the demo target writes")]
pub struct TruthError(usize);

impl Truth {
    /// The truth file of a demo target.
    pub(super) fn of_calls(text: &str) -> Result<Self, TruthError> {
        let mut calls = text
            .lines()
            .enumerate()
            .map(|(index, line)| TrueCall::read(line).ok_or(TruthError(index + 1)))
            .collect::<Result<Vec<_>, _>>()?;
        calls.sort_by_key(|call| call.arrived);
        Ok(Self { count: calls.len() as u64, calls })
    }

    /// The truth file of a null server.
    pub(super) fn of_count(text: &str) -> Result<Self, TruthError> {
        let count = text.trim().parse().map_err(|_| TruthError(1))?;
        Ok(Self { count, calls: Vec::new() })
    }

    /// How many calls became this.
    pub(super) fn count_of(&self, became: Became) -> u64 {
        self.calls.iter().filter(|call| call.became == became).count() as u64
    }

    /// How many calls took longer than `limit`.
    pub(super) fn count_over(&self, limit: Duration) -> u64 {
        self.calls.iter().filter(|call| call.service > limit).count() as u64
    }

    /// A quantile of the service times, in seconds.
    pub(super) fn service(&self, q: f64) -> Option<f64> {
        quantile(self.calls.iter().map(|call| call.service.as_secs_f64()), q)
    }
}

impl TrueCall {
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(',').collect();
        let [arrived, _method, _tool, _status, service, became] = fields.try_into().ok()?;
        let micros = |text: &str| text.parse().ok().map(Duration::from_micros);
        Some(Self { arrived: micros(arrived)?, service: micros(service)?, became: Became::named(became)? })
    }
}

impl Became {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ok" => Self::Ok,
            "tool_error" => Self::ToolError,
            "rpc_error" => Self::RpcError,
            "http_error" => Self::HttpError,
            "aborted" => Self::Aborted,
            "lost" => Self::Lost,
            "duplicated" => Self::Duplicated,
            _ => return None,
        })
    }
}

/// The value that a share `q` of `values` does not exceed: the same rank as a histogram takes it at.
pub(super) fn quantile(values: impl Iterator<Item = f64>, q: f64) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
    let rank = (q * values.len() as f64).ceil().max(1.0) as usize;
    values.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LatencyHistogram;

    #[test]
    fn a_truth_file_is_read_in_the_order_of_arrival() {
        let text = "2000,tools/call,echo,error,500,lost\n1000,tools/call,echo,success,25000,ok\n";
        let truth = Truth::of_calls(text).unwrap();
        assert_eq!(truth.calls[0].arrived, Duration::from_millis(1));
        assert_eq!((truth.count_of(Became::Lost), truth.count_of(Became::Ok), truth.count), (1, 1, 2));
        assert_eq!(truth.count_over(Duration::from_millis(25)), 0);
        assert_eq!(truth.count_over(Duration::from_micros(24_999)), 1);
    }

    #[test]
    fn what_a_truth_file_can_not_hold_is_refused() {
        let good = "1,tools/call,echo,success,2,ok\n";
        for bad in ["1,tools/call,echo,success,2", "x,tools/call,echo,success,2,ok", "1,a,b,c,2,fine", ""] {
            assert_eq!(Truth::of_calls(&format!("{good}{bad}\n")), Err(TruthError(2)), "{bad}");
        }
        assert_eq!(Truth::of_count("12\n").unwrap().count, 12);
        assert!(Truth::of_count("").is_err());
    }

    #[test]
    fn ranks_are_those_of_a_histogram() {
        for count in [1u32, 7, 100, 101, 600, 1000, 3000] {
            let mut histogram = LatencyHistogram::new();
            (1..=count).for_each(|ms| histogram.record(Duration::from_millis(ms.into())));
            for q in [0.5, 0.95, 0.99, 0.999] {
                let exact = quantile((1..=count).map(|ms| f64::from(ms) / 1e3), q).unwrap();
                let binned = histogram.quantile(q).unwrap().as_secs_f64();
                assert!((binned / exact - 1.0).abs() <= 0.001, "{count} calls, {q}: {binned} {exact}");
            }
        }
        assert_eq!(quantile(std::iter::empty(), 0.5), None);
    }
}
