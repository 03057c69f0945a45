//! Parameters at one of the candidates: put through the API, read by name, and listed by path. They lie in folders
//! under one path, which has none of its own.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::http::{Api, Connection, Latency, Load, SSM};
use crate::keys::figures::{Figure, Work};
use crate::limits::{
    COMPARED_PAGES, FILL_TIME_MAX, PAGE_PARAMETERS, PARAMETER_BYTES, PARAMETER_FOLDERS, POOL_REQUESTS,
    PUTS_AT_ONCE,
};

pub const PATH: &str = "/bench";

pub struct Parameters {
    pub api: Api,
    count: usize,
}

/// All parameters, page after page, each with the token of the one before, on one connection.
pub struct Walk {
    pub per_second: f64,
    /// How many pages at either end are compared, and what they took.
    pub compared: usize,
    pub first: Duration,
    pub last: Duration,
}

impl Parameters {
    pub fn none(address: SocketAddr) -> Parameters {
        Parameters { api: Api::dev(SSM, address), count: 0 }
    }

    /// Puts so many new ones, and returns how many a second. Signing them is not counted.
    pub async fn put(&mut self, count: usize, connections: usize) -> anyhow::Result<f64> {
        let mut time = Duration::ZERO;
        for first in (0..count).step_by(PUTS_AT_ONCE) {
            let numbers = first..count.min(first + PUTS_AT_ONCE);
            let wanted = numbers.len();
            let puts: Vec<_> =
                numbers.map(|number| self.api.prepare("PutParameter", &put_input(number))).collect();
            let load = Load {
                connections,
                requests_max: wanted,
                ..Load::of(self.api.address, Arc::new(puts), FILL_TIME_MAX)
            };
            let measured = load.run("PutParameter").await?;
            let failure = measured.failure.as_deref().unwrap_or("not all were answered in time");
            ensure!(measured.requests == wanted as u64, "not all parameters were put, such as: {failure}");
            time += measured.time;
        }
        self.count = count;
        Ok(count as f64 / time.as_secs_f64())
    }

    /// GetParameter, of names from the whole range.
    pub fn gets(&self) -> Work {
        let input = |number| json!({ "Name": name(number * self.count / POOL_REQUESTS) });
        Work {
            figure: Figure::GetParameter,
            operation: "GetParameter",
            inputs: (0..POOL_REQUESTS).map(input).collect(),
        }
    }

    /// Fails unless each parameter comes once.
    pub async fn walk(&self) -> anyhow::Result<Walk> {
        let mut connection = self.api.connect();
        // Once through all of it: were only the first pages warm, they would be compared with cold ones.
        self.pages(&mut connection, true, self.count + 1).await?;
        // At the least one parameter a page; a listing that goes in circles ends here.
        let pages = self.pages(&mut connection, true, self.count + 1).await?;
        let names = pages.iter().flat_map(|page| &page.names);
        let different: HashSet<&str> = names.clone().map(String::as_str).collect();
        ensure!(
            names.count() == self.count && different.len() == self.count,
            "{} parameters were put, and the listing has {} different ones",
            self.count,
            different.len()
        );
        let compared = COMPARED_PAGES.min(pages.len() / 2).max(1);
        let taken = |pages: &[Page]| pages.iter().map(|page| page.time).sum();
        let whole: Duration = taken(&pages);
        Ok(Walk {
            per_second: pages.len() as f64 / whole.as_secs_f64(),
            compared,
            first: taken(&pages[..compared]),
            last: taken(&pages[pages.len() - compared..]),
        })
    }

    /// Lists the level that has no parameters of its own, so many times, each time until there is no token.
    pub async fn list_level(&self, listings: usize) -> anyhow::Result<Latency> {
        let mut connection = self.api.connect();
        let mut times = Vec::new();
        for _ in 0..listings {
            let pages = self.pages(&mut connection, false, self.count + 1).await?;
            let found = pages.iter().map(|page| page.names.len()).sum::<usize>();
            ensure!(found == 0, "{found} parameters are listed on a level that has none");
            times.push(pages.iter().map(|page| page.time).sum());
        }
        Ok(Latency::of(times))
    }

    async fn pages(
        &self,
        connection: &mut Connection,
        recursive: bool,
        pages_max: usize,
    ) -> anyhow::Result<Vec<Page>> {
        let mut pages = Vec::new();
        let mut token = Value::Null;
        while pages.len() < pages_max {
            let mut input = json!({ "Path": PATH, "Recursive": recursive, "MaxResults": PAGE_PARAMETERS });
            if !token.is_null() {
                input["NextToken"] = token;
            }
            let start = Instant::now();
            let mut answer = self.api.call_on(connection, "GetParametersByPath", &input).await?;
            let time = start.elapsed();
            let names = names_in(&answer).context("a page has parameters with names")?;
            pages.push(Page { names, time });
            token = answer["NextToken"].take();
            if token.is_null() {
                break;
            }
        }
        Ok(pages)
    }
}

struct Page {
    names: Vec<String>,
    time: Duration,
}

fn names_in(answer: &Value) -> Option<Vec<String>> {
    let parameters = answer["Parameters"].as_array()?;
    parameters.iter().map(|parameter| Some(parameter["Name"].as_str()?.to_owned())).collect()
}

/// The standard tier ends at 10,000 parameters.
fn put_input(number: usize) -> Value {
    json!({
        "Name": name(number),
        "Type": "String",
        "Tier": "Advanced",
        "Value": format!("{number:0PARAMETER_BYTES$}"),
    })
}

/// Neighbours in number are not neighbours in the listing.
fn name(number: usize) -> String {
    format!("{PATH}/{:03}/parameter-{number:06}", number % PARAMETER_FOLDERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_lie_one_level_below_the_path() {
        assert_eq!(name(12_345), "/bench/345/parameter-012345");
        assert_eq!(put_input(7)["Value"].as_str().map(str::len), Some(PARAMETER_BYTES));
    }
}
