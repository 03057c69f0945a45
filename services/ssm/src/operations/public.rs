//! AWS's own parameters, which everyone may read: what it tells of its regions and services, and the aliases of images.
//!
//! Reference: "Working with public parameters in Parameter Store" in the user guide.

use std::collections::BTreeMap;

use base::Region;
use schema::Fault;
use service::BoxFuture;
use ssm_api::{Parameter, ParameterType};

use super::{OF_OLD, not_found, version_not_found};
use crate::Ssm;
use crate::error::Error;
use crate::model::address::{Address, Selector, public_arn};
use crate::model::filter::{Filters, Subject};
use crate::model::global::{Fact, Position};
use crate::model::labels::Labels;
use crate::model::name::ParameterName;
use crate::model::value::TEXT;

/// Who has the images behind AWS's aliases. EC2 is this.
pub trait Images: Send + Sync + 'static {
    /// The aliases of a region: whole names under `/aws/service/`, and the ids of images.
    fn aliases(&self, region: Region) -> BoxFuture<'_, Result<BTreeMap<String, String>, Fault>>;
}

/// AWS's own parameters have had one version.
const VERSION: u64 = 1;

pub async fn get(ssm: &Ssm, address: &Address) -> Result<Parameter, Error> {
    let name = address.name.as_str();
    let value = match ssm.global.get(name) {
        Some(value) => value,
        None => aliases(ssm, address.region).await?.remove(name).ok_or_else(not_found)?,
    };
    match address.selector() {
        None | Some(Selector::Version(VERSION)) => {}
        Some(Selector::Version(version)) => return Err(version_not_found(version, name)),
        Some(Selector::Label(label)) => return Err(version_not_found(label, name)),
    }
    let selector = address.selector.as_ref().map(|selector| format!(":{selector}"));
    Ok(Parameter { selector, ..to_parameter(address.region, (name.to_owned(), value))? })
}

async fn aliases(ssm: &Ssm, region: Region) -> Result<BTreeMap<String, String>, Error> {
    match ssm.images.get() {
        Some(images) => images.aliases(region).await.map_err(Error::Other),
        None => Ok(BTreeMap::new()),
    }
}

fn to_parameter(region: Region, (name, value): Fact) -> Result<Parameter, Error> {
    let arn = public_arn(&ParameterName::parse(&name)?, region);
    Ok(Parameter {
        name: Some(name),
        r#type: Some(ParameterType::String),
        value: Some(value),
        version: Some(VERSION.cast_signed()),
        last_modified_date: Some(OF_OLD),
        arn: Some(arn.to_string()),
        data_type: Some(TEXT.to_owned()),
        ..Parameter::default()
    })
}

/// A page to list.
pub struct Listing<'a> {
    pub path: &'a str,
    pub recursive: bool,
    pub filters: &'a Filters,
    pub limit: usize,
}

/// Where a listing of AWS's own goes on: first come the aliases of images, by name, then what is the same everywhere.
enum Place {
    Aliases(String),
    Global(Position),
}

impl Place {
    fn parse(text: &str) -> Option<Place> {
        if let Some(name) = text.strip_prefix("alias ") {
            return Some(Place::Aliases(name.to_owned()));
        }
        let (level, given) = text.strip_prefix("global ")?.split_once(' ')?;
        Some(Place::Global(Position { level: level.parse().ok()?, given: given.parse().ok()? }))
    }

    fn to_text(&self) -> String {
        match self {
            Place::Aliases(name) => format!("alias {name}"),
            Place::Global(Position { level, given }) => format!("global {level} {given}"),
        }
    }
}

/// A page of AWS's own parameters, and where to go on.
pub async fn list(
    ssm: &Ssm,
    region: Region,
    listing: &Listing<'_>,
    after: Option<&str>,
) -> Result<(Vec<Parameter>, Option<String>), Error> {
    if !listing.let_through() {
        return Ok((Vec::new(), None));
    }
    let after = after.map(|after| Place::parse(after).ok_or(Error::InvalidNextToken)).transpose()?;
    let (mut facts, mut next) = (Vec::new(), None);
    let mut position = None;
    match after {
        Some(Place::Global(at)) => position = Some(at),
        other => {
            let given = match &other {
                Some(Place::Aliases(name)) => name.as_str(),
                _ => "",
            };
            let mut aliases: Vec<Fact> = aliases(ssm, region).await?.into_iter().collect();
            aliases.retain(|(name, _)| name.as_str() > given && listing.holds(name));
            let is_more = aliases.len() > listing.limit;
            aliases.truncate(listing.limit);
            next = aliases.last().filter(|_| is_more).map(|(name, _)| Place::Aliases(name.clone()));
            facts = aliases;
        }
    }
    if next.is_none() {
        let room = listing.limit - facts.len();
        let (more, at) = ssm.global.list(listing.path, listing.recursive, position, room);
        facts.extend(more);
        next = at.map(Place::Global);
    }
    let parameters =
        facts.into_iter().map(|fact| to_parameter(region, fact)).collect::<Result<_, Error>>()?;
    Ok((parameters, next.map(|next| next.to_text())))
}

impl Listing<'_> {
    /// Whether an alias is in the path.
    fn holds(&self, name: &str) -> bool {
        let rest = name.strip_prefix(self.path).and_then(|rest| rest.strip_prefix('/'));
        rest.is_some_and(|rest| self.recursive || !rest.contains('/'))
    }

    /// To filters all of them are the same.
    fn let_through(&self) -> bool {
        let (tags, labels) = (BTreeMap::new(), Labels::new());
        self.filters.let_through(&Subject {
            key: "",
            name: "",
            kind: "String",
            key_id: None,
            tier: "Standard",
            data_type: TEXT,
            tags: &tags,
            labels: &labels,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SsmParts;
    use base::{AccountId, Clock, Ids, Timestamp};
    use service::{Aws, PageTokens, SealingKey};
    use std::sync::Arc;
    use store::{SimOptions, Store};

    const ALIAS: &str = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";
    const OTHER: &str = "/aws/service/debian/release/12/latest/amd64";

    struct TwoImages;

    impl Images for TwoImages {
        fn aliases(&self, _: Region) -> BoxFuture<'_, Result<BTreeMap<String, String>, Fault>> {
            let aliases = [(ALIAS, "ami-0123456789abcdef0"), (OTHER, "ami-0fedcba9876543210")];
            Box::pin(async move { Ok(aliases.map(|(name, id)| (name.to_owned(), id.to_owned())).into()) })
        }
    }

    async fn listed(ssm: &Ssm, path: &str, recursive: bool, limit: usize) -> Vec<String> {
        let listing = Listing { path, recursive, filters: &Filters::default(), limit };
        let (mut names, mut after) = (Vec::new(), None::<String>);
        loop {
            let (page, next) = list(ssm, Region::US_EAST_1, &listing, after.as_deref()).await.unwrap();
            assert!(page.len() <= limit);
            names.extend(page.into_iter().filter_map(|parameter| parameter.name));
            after = next;
            if after.is_none() {
                return names;
            }
        }
    }

    #[tokio::test]
    async fn an_image_has_an_alias_once_somebody_has_images() {
        let ssm = Ssm::new(SsmParts {
            store: Store::simulated(1, SimOptions::default()).0,
            clock: Clock::manual(Timestamp::EPOCH),
            ids: Ids::seeded(1),
            pages: PageTokens::new(SealingKey::new([7; 32])),
            aws: Aws::default(),
        });
        let address = Address::parse(ALIAS, Region::US_EAST_1, AccountId::DEV).unwrap();
        assert!(matches!(get(&ssm, &address).await, Err(Error::ParameterNotFound(_))));
        ssm.images_of(Arc::new(TwoImages));
        assert_eq!(get(&ssm, &address).await.unwrap().value.as_deref(), Some("ami-0123456789abcdef0"));
        assert_eq!(listed(&ssm, "/aws/service/ami-amazon-linux-latest", false, 1).await, [ALIAS]);
        assert_eq!(listed(&ssm, "/aws/service/debian", true, 10).await, [OTHER]);
        for limit in [1000, 999] {
            let everything = listed(&ssm, "/aws/service", true, limit).await;
            assert_eq!(everything[..2], [ALIAS, OTHER]);
            assert!(everything.len() > 10_000);
        }
    }
}
