//! What one run of one side reports. The Go program prints the same line, so this is the contract between all sides.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::stats;

/// One run: its main figure in the row's unit, whatever else was counted beside it, and remarks for the report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// The row's figure.
    pub(crate) value: f64,
    /// Further figures by name, such as `p99` or `rss_bytes`.
    #[serde(default)]
    pub(crate) extras: BTreeMap<String, f64>,
    /// Remarks, such as that a limit of the machine was met.
    #[serde(default)]
    pub(crate) notes: Vec<String>,
}

impl Sample {
    /// A bare figure.
    pub(crate) fn of(value: f64) -> Self {
        Self {
            value,
            ..Self::default()
        }
    }

    /// Nanoseconds for each of `n` units of work.
    pub(crate) fn per_unit(elapsed: Duration, n: u64) -> Self {
        Self::of(elapsed.as_nanos() as f64 / n as f64)
    }

    /// Milliseconds in all.
    pub(crate) fn millis(elapsed: Duration) -> Self {
        Self::of(elapsed.as_secs_f64() * 1e3)
    }

    /// Latencies in nanoseconds: the figure is their median; p50, p99 and p99.9 stand beside it.
    ///
    /// # Panics
    /// If there are none.
    pub(crate) fn latencies(mut all: Vec<u64>) -> Self {
        all.sort_unstable();
        let at = |p| stats::percentile(&all, p) as f64;
        Self::of(at(0.5))
            .with("p50", at(0.5))
            .with("p99", at(0.99))
            .with("p999", at(0.999))
    }

    /// With one more figure.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: f64) -> Self {
        self.extras.insert(name.to_owned(), value);
        self
    }

    /// With one more figure, if it is known.
    #[must_use]
    pub(crate) fn with_known(self, name: &str, value: Option<f64>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With a remark.
    #[must_use]
    pub(crate) fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// The figure called `metric`: the row's own if that is `value`.
    pub(crate) fn figure(&self, metric: &str) -> Option<f64> {
        if metric == "value" {
            Some(self.value)
        } else {
            self.extras.get(metric).copied()
        }
    }

    /// Reads what a child printed: the last line that is not empty.
    pub(crate) fn parse(output: &str) -> Result<Self, String> {
        let line = output
            .lines()
            .rev()
            .find(|line| !line.trim().is_empty())
            .ok_or("printed nothing")?;
        let sample: Self =
            serde_json::from_str(line).map_err(|e| format!("printed {line:?}: {e}"))?;
        if sample.value.is_finite() && sample.value > 0.0 {
            Ok(sample)
        } else {
            Err(format!("measured {}, which cannot be", sample.value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        let sample = Sample::of(1.5).with("rss_bytes", 4096.0).note("a remark");
        let line = serde_json::to_string(&sample).expect("a sample is plain data");
        assert_eq!(Sample::parse(&format!("noise\n{line}\n\n")), Ok(sample));
    }

    #[test]
    fn go_s_line_is_read() {
        let sample =
            Sample::parse(r#"{"value":221.0,"extras":{"cpu_ms":417.2}}"#).expect("a good line");
        assert_eq!(
            (sample.value, sample.figure("cpu_ms")),
            (221.0, Some(417.2))
        );
        assert_eq!(sample.figure("value"), Some(221.0));
        assert_eq!(sample.figure("p99"), None);
    }

    #[test]
    fn what_cannot_be_a_measurement_is_refused() {
        for bad in [
            "",
            "\n\n",
            "hello",
            r#"{"extras":{}}"#,
            r#"{"value":0}"#,
            r#"{"value":-3}"#,
        ] {
            assert!(Sample::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn latencies_are_sorted_first() {
        let sample = Sample::latencies((1..=1000).rev().collect());
        assert_eq!(sample.value, 501.0);
        assert_eq!(sample.figure("p999"), Some(1000.0));
    }
}
