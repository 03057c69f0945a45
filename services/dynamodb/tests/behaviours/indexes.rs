//! Global indexes that are added to and taken from a table that is in use.

use dynamodb_api::*;
use testkit::Cloud;

use crate::support::*;

fn adding(table: &str, index: &str, key: &str) -> UpdateTableInput {
    let create = CreateGlobalSecondaryIndexAction {
        index_name: index.to_owned(),
        key_schema: vec![hash(key)],
        projection: all(),
        ..CreateGlobalSecondaryIndexAction::default()
    };
    UpdateTableInput {
        attribute_definitions: Some(vec![defined(key, ScalarAttributeType::S)]),
        global_secondary_index_updates: Some(vec![GlobalSecondaryIndexUpdate {
            create: Some(create),
            ..GlobalSecondaryIndexUpdate::default()
        }]),
        ..updating(table)
    }
}

fn removing(table: &str, index: &str) -> UpdateTableInput {
    let delete = DeleteGlobalSecondaryIndexAction { index_name: index.to_owned() };
    UpdateTableInput {
        global_secondary_index_updates: Some(vec![GlobalSecondaryIndexUpdate {
            delete: Some(delete),
            ..GlobalSecondaryIndexUpdate::default()
        }]),
        ..updating(table)
    }
}

async fn status(cloud: &Cloud, table: &str, index: &str) -> Option<IndexStatus> {
    let described = describe(cloud, table).await.expect("it is there");
    let indexes = described.global_secondary_indexes.unwrap_or_default();
    indexes.into_iter().find(|found| found.index_name.as_deref() == Some(index))?.index_status
}

#[tokio::test]
async fn an_index_that_is_added_gets_all_items_there_are_and_come() {
    let cloud = cloud_with(1, "Music").await;
    for number in 0..1203 {
        let year = format!("{}", 1990 + number % 3);
        put(
            &cloud,
            "Music",
            item(&[("pk", text(&number.to_string())), ("sk", text("x")), ("year", text(&year))]),
        )
        .await;
    }
    put(&cloud, "Music", item(&[("pk", text("sparse")), ("sk", text("x"))])).await;
    let answer = update(&cloud, adding("Music", "byYear", "year")).await.expect("it is possible");
    assert_eq!(answer.table_status, Some(TableStatus::Updating));
    put(&cloud, "Music", item(&[("pk", text("late")), ("sk", text("x")), ("year", text("1990"))])).await;
    until(&cloud, async || status(&cloud, "Music", "byYear").await == Some(IndexStatus::Active)).await;
    let table = describe(&cloud, "Music").await.expect("it is there");
    let index = &table.global_secondary_indexes.expect("there is one")[0];
    assert_eq!((table.item_count, index.item_count), (Some(1205), Some(1204)));
    until(&cloud, async || {
        describe(&cloud, "Music").await.expect("it is there").table_status == Some(TableStatus::Active)
    })
    .await;
    assert_eq!(index.backfilling, None);
}

#[tokio::test]
async fn one_index_comes_or_goes_at_a_time() {
    let cloud = cloud_with(2, "Music").await;
    put(&cloud, "Music", item(&[("pk", text("a")), ("sk", text("x")), ("year", text("1990"))])).await;
    update(&cloud, adding("Music", "byYear", "year")).await.expect("it is possible");
    until(&cloud, async || status(&cloud, "Music", "byYear").await == Some(IndexStatus::Active)).await;
    assert_eq!(
        words(update(&cloud, adding("Music", "byYear", "year")).await),
        "Attempting to create an index which already exists"
    );
    let mut both = adding("Music", "byGenre", "genre");
    let more = removing("Music", "byYear").global_secondary_index_updates.unwrap_or_default();
    both.global_secondary_index_updates.get_or_insert_default().extend(more);
    assert_eq!(code(update(&cloud, both).await), "LimitExceededException");
    assert_eq!(
        words(update(&cloud, removing("Music", "ghost")).await),
        "Requested resource not found: Index ghost for table Music"
    );
}

#[tokio::test]
async fn an_index_that_is_taken_away_takes_its_definitions_along() {
    let cloud = cloud_with(3, "Music").await;
    update(&cloud, adding("Music", "byYear", "year")).await.expect("it is possible");
    until(&cloud, async || status(&cloud, "Music", "byYear").await == Some(IndexStatus::Active)).await;
    let spaces = cloud.tables.spaces().len();
    update(&cloud, removing("Music", "byYear")).await.expect("it is there");
    until(&cloud, async || status(&cloud, "Music", "byYear").await.is_none()).await;
    until(&cloud, async || cloud.tables.spaces().len() < spaces).await;
    let table = describe(&cloud, "Music").await.expect("it is there");
    assert_eq!(table.attribute_definitions.unwrap_or_default().len(), 2);
}

const KEY: [&str; 5] = ["tournament", "region", "round", "bracket", "score"];

/// Matches by two attributes of the partition key and three of the sort key, the last of them a number.
fn matches() -> GlobalSecondaryIndex {
    GlobalSecondaryIndex {
        index_name: "matches".to_owned(),
        key_schema: vec![hash(KEY[0]), hash(KEY[1]), range(KEY[2]), range(KEY[3]), range(KEY[4])],
        projection: all(),
        ..GlobalSecondaryIndex::default()
    }
}

fn defined_for_matches() -> Vec<AttributeDefinition> {
    let texts = KEY[..4].iter().map(|name| defined(name, ScalarAttributeType::S));
    texts.chain([defined(KEY[4], ScalarAttributeType::N)]).collect()
}

async fn put_match(cloud: &Cloud, pk: &str, values: [&str; 4], score: i32) {
    let mut attributes = item(&[("pk", text(pk)), ("sk", text("x")), ("score", number(score))]);
    attributes.extend(KEY.iter().zip(values).map(|(name, value)| ((*name).to_owned(), text(value))));
    put(cloud, "Music", attributes).await;
}

fn asking(condition: &str, values: &[(&str, AttributeValue)]) -> QueryInput {
    QueryInput {
        table_name: "Music".to_owned(),
        index_name: Some("matches".to_owned()),
        key_condition_expression: Some(condition.replace("region", "#r")),
        expression_attribute_names: condition
            .contains("region")
            .then(|| [("#r".to_owned(), "region".to_owned())].into()),
        expression_attribute_values: Some(item(values)),
        ..QueryInput::default()
    }
}

/// The table's keys of what a query finds, in its order.
async fn found(cloud: &Cloud, query: QueryInput) -> Result<String, schema::Fault> {
    let items = cloud.call(Query, query).await?.items.unwrap_or_default();
    let pk = |item: Attributes| match &item["pk"] {
        AttributeValue::S(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    Ok(items.into_iter().map(pk).collect::<Vec<_>>().join(" "))
}

/// As in "Multi-attribute keys pattern" of the guide.
#[tokio::test]
async fn both_halves_of_an_indexs_key_may_have_several_attributes() {
    let cloud = Cloud::new(7).await;
    let mut input = creating("Music");
    input.attribute_definitions.as_mut().expect("there are some").extend(defined_for_matches());
    input.global_secondary_indexes = Some(vec![matches()]);
    let table = cloud.call(CreateTable, input).await.expect("it is possible").table_description;
    let shown = table.and_then(|table| table.global_secondary_indexes).expect("it is described");
    assert_eq!(shown[0].key_schema, Some(matches().key_schema));
    put_match(&cloud, "a", ["winter", "east", "final", "upper"], 9).await;
    put_match(&cloud, "b", ["winter", "east", "semi", "lower"], 3).await;
    put_match(&cloud, "c", ["winter", "east", "semi", "upper"], 10).await;
    put_match(&cloud, "d", ["winter", "east", "semi", "upper"], 9).await;
    put_match(&cloud, "e", ["winter", "west", "semi", "upper"], 9).await;
    put_match(
        &cloud,
        "f",
        ["wintereast", "", "semi", "upper"].map(|text| if text.is_empty() { "x" } else { text }),
        9,
    )
    .await;
    let lacking = item(&[
        ("pk", text("g")),
        ("sk", text("x")),
        ("tournament", text("winter")),
        ("region", text("east")),
    ]);
    put(&cloud, "Music", lacking).await;

    let (t, r) = ((":t", text("winter")), (":r", text("east")));
    let whole = "tournament = :t AND region = :r";
    let round = (":o", text("semi"));
    for (condition, more, expected) in [
        ("", vec![], "a b d c"),
        (" AND round = :o", vec![round.clone()], "b d c"),
        (" AND begins_with(round, :o)", vec![(":o", text("s"))], "b d c"),
        (" AND round < :o", vec![round.clone()], "a"),
        (" AND round = :o AND bracket = :b", vec![round.clone(), (":b", text("upper"))], "d c"),
        (
            " AND round = :o AND bracket = :b AND score > :s",
            vec![round.clone(), (":b", text("upper")), (":s", number(9))],
            "c",
        ),
    ] {
        let values = [vec![t.clone(), r.clone()], more].concat();
        let answer = found(&cloud, asking(&[whole, condition].concat(), &values)).await;
        assert_eq!(answer.expect("it is a key condition"), expected, "{condition}");
    }
    // All of the partition key, and the sort key's from the left without a gap, of which the last may be no equality.
    for (condition, values) in [
        ("tournament = :t", vec![t.clone()]),
        ("tournament = :t AND region > :r", vec![t.clone(), r.clone()]),
        ("tournament = :t AND region = :r AND bracket = :o", vec![t.clone(), r.clone(), round.clone()]),
        (
            "tournament = :t AND region = :r AND round > :o AND bracket = :b",
            vec![t.clone(), r.clone(), round.clone(), (":b", text("upper"))],
        ),
    ] {
        assert_eq!(
            code(found(&cloud, asking(condition, &values)).await),
            "ValidationException",
            "{condition}"
        );
    }

    // Page by page, to and fro.
    for (forward, expected) in [(true, "a b d c"), (false, "c d b a")] {
        let mut query = asking(whole, &[t.clone(), r.clone()]);
        (query.limit, query.scan_index_forward) = (Some(1), Some(forward));
        let mut pages = Vec::new();
        loop {
            let page = cloud.call(Query, query.clone()).await.expect("it is a key condition");
            pages.extend(page.items.unwrap_or_default().into_iter().map(|item| item["pk"].clone()));
            let Some(last) = page.last_evaluated_key else { break };
            assert_eq!(last.len(), 7, "the keys of both");
            query.exclusive_start_key = Some(last);
        }
        let expected: Vec<_> = expected.split(' ').map(text).collect();
        assert_eq!(pages, expected);
    }

    // An entry moves with any attribute of its key, and goes with one.
    put_match(&cloud, "a", ["winter", "west", "final", "upper"], 9).await;
    let update = UpdateItemInput {
        table_name: "Music".to_owned(),
        key: item(&[("pk", text("d")), ("sk", text("x"))]),
        update_expression: Some("REMOVE score".to_owned()),
        ..UpdateItemInput::default()
    };
    cloud.call(UpdateItem, update).await.expect("it is there");
    let values = [t, r];
    assert_eq!(found(&cloud, asking(whole, &values)).await.expect("it is a key condition"), "b c");
    assert_eq!(cloud.dynamodb.fsck(|_| {}).await.expect("nothing fails").findings, Vec::<String>::new());
}

#[tokio::test]
async fn keys_of_several_attributes_are_added_to_a_live_table_and_limited() {
    let cloud = cloud_with(8, "Music").await;
    put_match(&cloud, "a", ["winter", "east", "final", "upper"], 9).await;
    let adding = |key_schema: Vec<KeySchemaElement>, definitions: Vec<AttributeDefinition>| {
        let create = CreateGlobalSecondaryIndexAction {
            index_name: "matches".to_owned(),
            key_schema,
            projection: all(),
            ..CreateGlobalSecondaryIndexAction::default()
        };
        UpdateTableInput {
            attribute_definitions: Some(definitions),
            global_secondary_index_updates: Some(vec![GlobalSecondaryIndexUpdate {
                create: Some(create),
                ..GlobalSecondaryIndexUpdate::default()
            }]),
            ..updating("Music")
        }
    };
    let five = || KEY.iter().map(|name| hash(name)).collect::<Vec<_>>();
    let mixed = vec![hash(KEY[0]), range(KEY[1]), hash(KEY[2])];
    let twice = vec![hash(KEY[0]), hash(KEY[1]), range(KEY[0])];
    for wrong in [five(), mixed, twice] {
        let refused = update(&cloud, adding(wrong.clone(), defined_for_matches())).await;
        assert_eq!(code(refused), "ValidationException", "{wrong:?}");
    }
    let mut table = creating("Other");
    table
        .attribute_definitions
        .as_mut()
        .expect("there are some")
        .push(defined("more", ScalarAttributeType::S));
    table.key_schema.as_mut().expect("there is one").push(range("more"));
    assert_eq!(code(cloud.call(CreateTable, table).await), "ValidationException");

    update(&cloud, adding(matches().key_schema, defined_for_matches())).await.expect("it is possible");
    until(&cloud, async || status(&cloud, "Music", "matches").await == Some(IndexStatus::Active)).await;
    let values = [(":t", text("winter")), (":r", text("east"))];
    let query = asking("tournament = :t AND region = :r", &values);
    assert_eq!(found(&cloud, query).await.expect("it is a key condition"), "a");
    // The attributes of a half are limited together.
    let long = item(&[
        ("pk", text("b")),
        ("sk", text("x")),
        ("tournament", text(&"t".repeat(1500))),
        ("region", text(&"r".repeat(1500))),
    ]);
    let input = PutItemInput { table_name: "Music".to_owned(), item: long, ..PutItemInput::default() };
    assert_eq!(code(cloud.call(PutItem, input).await), "ValidationException");
}
