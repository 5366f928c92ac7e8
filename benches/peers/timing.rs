//! The timing and output of the Rust peers.

use std::time::Instant;

/// `--setting TEXT --phase train|evaluate --batch N [--seconds S] [--samples N]`.
pub struct Arguments {
    pub setting: String,
    pub phase: String,
    pub batch: usize,
    /// Length of a sample.
    seconds: f64,
    samples: usize,
    started: Instant,
}

impl Arguments {
    /// Call it first: the first step is timed from here.
    pub fn read() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let argument = |name: &str, default: &str| {
            let index = arguments.iter().position(|a| a == name);
            index.and_then(|i| arguments.get(i + 1)).map_or(default.to_owned(), Clone::clone)
        };
        Self {
            setting: argument("--setting", ""),
            phase: argument("--phase", "train"),
            batch: argument("--batch", "64").parse().expect("--batch takes a number"),
            seconds: argument("--seconds", "1").parse().expect("--seconds takes a number"),
            samples: argument("--samples", "5").parse().expect("--samples takes a number"),
            started: Instant::now(),
        }
    }

    /// Warms up, takes the samples, prints the JSON line. `steps` does a number of steps and waits for them.
    pub fn measure(&self, peer: &str, mut steps: impl FnMut(usize)) {
        steps(1);
        let first_step = self.started.elapsed().as_secs_f64();
        // Two rounds to warm up: libraries tune themselves, and the second finds the count of a warm step.
        let mut count = 1;
        for _ in 0..2 {
            count = 1;
            loop {
                let start = Instant::now();
                steps(count);
                let took = start.elapsed().as_secs_f64();
                if took >= self.seconds / 2.0 {
                    count = ((count as f64 * self.seconds / took).round() as usize).max(1);
                    break;
                }
                count *= 2;
            }
        }
        let rates: Vec<f64> = (0..self.samples)
            .map(|_| {
                let start = Instant::now();
                steps(count);
                (count * self.batch) as f64 / start.elapsed().as_secs_f64()
            })
            .collect();
        let line = serde_json::json!({
            "peer": peer,
            "phase": self.phase,
            "batch": self.batch,
            "samples_per_s": rates,
            "first_step_s": first_step,
            "peak_memory_bytes": peak_memory(),
        });
        println!("{line}");
    }
}

/// Peak memory of this process (bytes); none without /proc.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}
