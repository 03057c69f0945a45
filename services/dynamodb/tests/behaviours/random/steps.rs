//! The operations: what is called, and what the model says of it.

use std::collections::BTreeSet;

use base::Ids;
use dynamodb_api::{
    AttributeValue, BatchWriteItem, BatchWriteItemInput, DeleteItem, DeleteItemInput, DeleteRequest, PutItem,
    PutItemInput, PutRequest, ReturnValue, TransactWriteItem, TransactWriteItems, TransactWriteItemsInput,
    UpdateItem, UpdateItemInput, WriteRequest,
};
use schema::Fault;

use super::calls::{Asked, BY_POINTS, BY_TEAM, TABLE, Table, entries, sorted};
use super::model::{Attributes, Key, Model, Thing, key_attributes, list, map, number, text, texts};

const PARTITIONS: [&str; 4] = ["", "a", "b", "c"];
const NAMES: [&str; 5] = ["red", "green", "blue", "white", "black"];

fn pick<'n>(chance: &Ids, names: &[&'n str]) -> &'n str {
    names[chance.below(names.len() as u64) as usize]
}

fn below(chance: &Ids, end: i64) -> i64 {
    chance.below(end.unsigned_abs()) as i64
}

fn key(chance: &Ids) -> Key {
    (format!("p{}", pick(chance, &PARTITIONS)), below(chance, 24) - 12)
}

fn thing(chance: &Ids) -> Thing {
    let likely = || chance.below(3) > 0;
    let names = || -> Vec<String> { (0..chance.below(4)).map(|_| pick(chance, &NAMES).to_owned()).collect() };
    Thing {
        count: likely().then(|| below(chance, 1000) - 500),
        team: likely().then(|| pick(chance, &NAMES).to_owned()),
        points: likely().then(|| below(chance, 10)),
        labels: names().into_iter().collect::<BTreeSet<_>>(),
        notes: likely().then(names),
        scores: likely().then(|| names().into_iter().map(|name| (name, below(chance, 100))).collect()),
    }
}

/// A condition on the item that is there, its values, and whether the model says that it holds.
fn condition(chance: &Ids, before: Option<&Thing>) -> (Option<String>, Attributes, bool) {
    let bound = below(chance, 1000) - 500;
    let value = Attributes::from([(":bound".to_owned(), number(bound))]);
    let none = Attributes::new;
    let count = before.and_then(|thing| thing.count);
    match chance.below(6) {
        0 => (Some("attribute_exists(pk)".to_owned()), none(), before.is_some()),
        1 => (Some("attribute_not_exists(pk)".to_owned()), none(), before.is_none()),
        2 => (Some("hits < :bound".to_owned()), value, count.is_some_and(|count| count < bound)),
        3 => (Some("NOT hits >= :bound".to_owned()), value, count.is_none_or(|count| count < bound)),
        _ => (None, none(), true),
    }
}

pub async fn step(table: &Table<'_>, model: &mut Model, chance: &Ids) {
    match chance.below(20) {
        0..4 => put(table, model, chance).await,
        4..9 => update(table, model, chance).await,
        9..11 => delete(table, model, chance).await,
        11..13 => get(table, model, chance).await,
        13 => batch(table, model, chance).await,
        14 => transact(table, model, chance).await,
        15 | 16 => query(table, model, chance).await,
        17 => query_points(table, model, chance).await,
        18 => query_team(table, model, chance).await,
        _ if chance.below(5) == 0 => compare_everything(table, model).await,
        _ => get(table, model, chance).await,
    }
}

async fn put(table: &Table<'_>, model: &mut Model, chance: &Ids) {
    let (key, thing) = (key(chance), thing(chance));
    let before = model.shown(&key);
    let (condition_expression, values, holds) = condition(chance, model.things.get(&key));
    let input = PutItemInput {
        table_name: TABLE.to_owned(),
        item: thing.attributes(&key),
        condition_expression,
        expression_attribute_values: (!values.is_empty()).then_some(values),
        return_values: Some(ReturnValue::AllOld),
        ..PutItemInput::default()
    };
    match table.cloud.call(PutItem, input).await {
        Ok(output) => {
            assert!(holds, "{}: the put of {key:?} was to be refused", table.place);
            assert_eq!(output.attributes, before, "{}: what was there before", table.place);
            model.put(&key, Some(thing));
        }
        Err(fault) => refused(table, &fault, holds),
    }
}

async fn delete(table: &Table<'_>, model: &mut Model, chance: &Ids) {
    let key = key(chance);
    let before = model.shown(&key);
    let (condition_expression, values, holds) = condition(chance, model.things.get(&key));
    let input = DeleteItemInput {
        table_name: TABLE.to_owned(),
        key: key_attributes(&key),
        condition_expression,
        expression_attribute_values: (!values.is_empty()).then_some(values),
        return_values: Some(ReturnValue::AllOld),
        ..DeleteItemInput::default()
    };
    match table.cloud.call(DeleteItem, input).await {
        Ok(output) => {
            assert!(holds, "{}: the delete of {key:?} was to be refused", table.place);
            assert_eq!(output.attributes, before, "{}: what was there before", table.place);
            model.put(&key, None);
        }
        Err(fault) => refused(table, &fault, holds),
    }
}

fn refused(table: &Table<'_>, fault: &Fault, holds: bool) {
    if holds || fault.code() != "ConditionalCheckFailedException" {
        table.fail(fault);
    }
}

/// An update expression, its values, and what the model makes of the item; none where it must be refused.
fn change(chance: &Ids, before: &Thing) -> (String, Attributes, Option<Thing>) {
    let mut after = before.clone();
    let name = pick(chance, &NAMES).to_owned();
    let amount = below(chance, 50);
    let value = |value| Attributes::from([(":v".to_owned(), value)]);
    let (expression, values) = match chance.below(10) {
        0 => {
            after.count = Some(before.count.unwrap_or_default() + amount);
            ("ADD hits :v".to_owned(), value(number(amount)))
        }
        1 => {
            after.count = before.count.map(|count| count - amount);
            if before.count.is_none() {
                return ("SET hits = hits - :v".to_owned(), value(number(amount)), None);
            }
            ("SET hits = hits - :v".to_owned(), value(number(amount)))
        }
        2 => {
            after.team = Some(name.clone());
            after.points = before.points.or(Some(amount % 10));
            let mut values = value(text(&name));
            values.insert(":points".to_owned(), number(amount % 10));
            ("SET team = :v, points = if_not_exists(points, :points)".to_owned(), values)
        }
        3 => {
            (after.team, after.points) = (None, None);
            ("REMOVE team, points, absent".to_owned(), Attributes::new())
        }
        4 => {
            after.labels.insert(name.clone());
            ("ADD labels :v".to_owned(), value(texts([&name])))
        }
        5 => {
            after.labels.remove(&name);
            ("DELETE labels :v".to_owned(), value(texts([&name])))
        }
        6 => {
            after.notes.get_or_insert_default().push(name.clone());
            let mut values = value(list(&[name]));
            values.insert(":none".to_owned(), list(&[]));
            ("SET notes = list_append(if_not_exists(notes, :none), :v)".to_owned(), values)
        }
        7 => {
            let Some(notes) = &mut after.notes else {
                return ("REMOVE notes[0]".to_owned(), Attributes::new(), None);
            };
            if !notes.is_empty() {
                notes.remove(0);
            }
            ("REMOVE notes[0]".to_owned(), Attributes::new())
        }
        8 => {
            let expression = format!("SET scores.{name} = :v");
            let Some(scores) = &mut after.scores else { return (expression, value(number(amount)), None) };
            scores.insert(name, amount);
            (expression, value(number(amount)))
        }
        _ => {
            let scores = [(name, amount)].into();
            after.count = None;
            let values = value(map(&scores));
            after.scores = Some(scores);
            ("SET scores = :v REMOVE hits".to_owned(), values)
        }
    };
    (expression, values, Some(after))
}

async fn update(table: &Table<'_>, model: &mut Model, chance: &Ids) {
    let key = key(chance);
    let present = model.things.get(&key);
    let (condition_expression, mut values, holds) = condition(chance, present);
    let (expression, more, after) = change(chance, &present.cloned().unwrap_or_default());
    values.extend(more);
    let input = UpdateItemInput {
        table_name: TABLE.to_owned(),
        key: key_attributes(&key),
        update_expression: Some(expression.clone()),
        condition_expression,
        expression_attribute_values: (!values.is_empty()).then_some(values),
        return_values: Some(ReturnValue::AllNew),
        ..UpdateItemInput::default()
    };
    match (table.cloud.call(UpdateItem, input).await, after) {
        (Ok(output), Some(after)) if holds => {
            let expected = after.attributes(&key);
            assert_eq!(output.attributes, Some(expected), "{}: {expression}", table.place);
            model.put(&key, Some(after));
        }
        (Err(fault), None) if holds => {
            assert_eq!(fault.code(), "ValidationException", "{}: {expression}", table.place);
        }
        (Err(fault), _) => refused(table, &fault, holds),
        (Ok(output), _) => table.fail(&(expression, holds, output)),
    }
}

async fn get(table: &Table<'_>, model: &Model, chance: &Ids) {
    let key = key(chance);
    assert_eq!(table.get(&key).await, model.shown(&key), "{}: {key:?}", table.place);
}

async fn batch(table: &Table<'_>, model: &mut Model, chance: &Ids) {
    let keys: BTreeSet<Key> = (0..=chance.below(20)).map(|_| key(chance)).collect();
    let changes: Vec<(Key, Option<Thing>)> = keys
        .into_iter()
        .map(|key| {
            let thing = (chance.below(3) > 0).then(|| thing(chance));
            (key, thing)
        })
        .collect();
    let request = |(key, thing): &(Key, Option<Thing>)| match thing {
        Some(thing) => WriteRequest {
            put_request: Some(PutRequest { item: thing.attributes(key) }),
            ..WriteRequest::default()
        },
        None => WriteRequest {
            delete_request: Some(DeleteRequest { key: key_attributes(key) }),
            ..WriteRequest::default()
        },
    };
    let requests: Vec<_> = changes.iter().map(request).collect();
    let input = BatchWriteItemInput {
        request_items: [(TABLE.to_owned(), requests)].into(),
        ..BatchWriteItemInput::default()
    };
    let output = table.cloud.call(BatchWriteItem, input).await.unwrap_or_else(|fault| table.fail(&fault));
    assert!(output.unprocessed_items.unwrap_or_default().is_empty(), "{}", table.place);
    changes.into_iter().for_each(|(key, thing)| model.put(&key, thing));
}

/// Puts, updates, deletes and checks of different items: all of them or none.
async fn transact(table: &Table<'_>, model: &mut Model, chance: &Ids) {
    let keys: BTreeSet<Key> = (0..=chance.below(4)).map(|_| key(chance)).collect();
    let mut after = model.clone();
    let mut items = Vec::new();
    let mut holds = true;
    for key in keys {
        let present = model.things.get(&key);
        let (condition_expression, mut values, here) = condition(chance, present);
        let table_name = TABLE.to_owned();
        let given = |values: Attributes| (!values.is_empty()).then_some(values);
        let mut item = TransactWriteItem::default();
        holds &= here;
        match chance.below(4) {
            0 => {
                let thing = thing(chance);
                item.put = Some(dynamodb_api::Put {
                    table_name,
                    item: thing.attributes(&key),
                    condition_expression,
                    expression_attribute_values: given(values),
                    ..dynamodb_api::Put::default()
                });
                after.put(&key, Some(thing));
            }
            1 => {
                item.delete = Some(dynamodb_api::Delete {
                    table_name,
                    key: key_attributes(&key),
                    condition_expression,
                    expression_attribute_values: given(values),
                    ..dynamodb_api::Delete::default()
                });
                after.put(&key, None);
            }
            2 => {
                let (update_expression, more, thing) = change(chance, &present.cloned().unwrap_or_default());
                values.extend(more);
                item.update = Some(dynamodb_api::Update {
                    table_name,
                    key: key_attributes(&key),
                    update_expression,
                    condition_expression,
                    expression_attribute_values: given(values),
                    ..dynamodb_api::Update::default()
                });
                holds &= thing.is_some();
                after.put(&key, thing);
            }
            _ => {
                let condition_expression =
                    condition_expression.unwrap_or_else(|| "attribute_exists(sk)".to_owned());
                holds &= condition_expression != "attribute_exists(sk)" || present.is_some();
                item.condition_check = Some(dynamodb_api::ConditionCheck {
                    table_name,
                    key: key_attributes(&key),
                    condition_expression,
                    expression_attribute_values: given(values),
                    ..dynamodb_api::ConditionCheck::default()
                });
            }
        }
        items.push(item);
    }
    let input = TransactWriteItemsInput { transact_items: items, ..TransactWriteItemsInput::default() };
    match table.cloud.call(TransactWriteItems, input).await {
        Ok(_) if holds => *model = after,
        Err(fault) if !holds && fault.code() == "TransactionCanceledException" => {}
        other => table.fail(&(other.map(|_| "done"), holds)),
    }
}

/// A range of a partition, in pages, in either direction, perhaps filtered.
async fn query(table: &Table<'_>, model: &Model, chance: &Ids) {
    let partition = key(chance).0;
    let (low, high) = (below(chance, 24) - 12, below(chance, 24) - 12);
    let (low, high) = (low.min(high), low.max(high));
    type Fits = fn(i64, i64, i64) -> bool;
    let conditions: [(&str, Fits); 7] = [
        ("", |_, _, _| true),
        (" AND sk = :low", |sort, low, _| sort == low),
        (" AND sk < :low", |sort, low, _| sort < low),
        (" AND sk <= :low", |sort, low, _| sort <= low),
        (" AND sk > :low", |sort, low, _| sort > low),
        (" AND :low <= sk", |sort, low, _| sort >= low),
        (" AND sk BETWEEN :low AND :high", |sort, low, high| sort >= low && sort <= high),
    ];
    let (condition, fits) = conditions[chance.below(7) as usize];
    let filtered = chance.below(2) == 0;
    let mut values = Attributes::from([(":p".to_owned(), text(&partition))]);
    values.extend(
        [(":low", number(low)), (":high", number(high))]
            .into_iter()
            .filter_map(|(name, value)| condition.contains(name).then(|| (name.to_owned(), value))),
    );
    values.extend(filtered.then(|| (":label".to_owned(), text("red"))));
    let asked = Asked {
        condition: format!("pk = :p{condition}"),
        values,
        filter: filtered.then(|| "contains(labels, :label)".to_owned()),
        backward: chance.below(2) == 0,
        page: page(chance),
        ..Asked::default()
    };
    let fitting = model
        .partition(&partition)
        .filter(|(key, thing)| fits(key.1, low, high) && (!filtered || thing.labels.contains("red")));
    let mut expected: Vec<_> = fitting.map(|(key, thing)| thing.attributes(key)).collect();
    if asked.backward {
        expected.reverse();
    }
    assert_eq!(table.query(&asked).await, expected, "{}: {asked:?}", table.place);
}

/// By the local index: sorted by points, and only what has some.
async fn query_points(table: &Table<'_>, model: &Model, chance: &Ids) {
    let partition = key(chance).0;
    let least = below(chance, 10);
    let asked = Asked {
        index: Some(BY_POINTS),
        condition: "pk = :p AND points >= :least".to_owned(),
        values: entries([(":p", text(&partition)), (":least", number(least))]).unwrap_or_default(),
        backward: chance.below(2) == 0,
        page: page(chance),
        ..Asked::default()
    };
    let fitting =
        model.partition(&partition).filter(|(_, thing)| thing.points.is_some_and(|points| points >= least));
    let expected: Vec<_> = fitting.map(|(key, thing)| thing.attributes(key)).collect();
    compare_by_points(table, &asked, expected).await;
}

/// By the global index: of all partitions, with what is projected.
async fn query_team(table: &Table<'_>, model: &Model, chance: &Ids) {
    let team = pick(chance, &NAMES);
    let most = below(chance, 10);
    let asked = Asked {
        index: Some(BY_TEAM),
        condition: "team = :team AND points <= :most".to_owned(),
        values: entries([(":team", text(team)), (":most", number(most))]).unwrap_or_default(),
        backward: chance.below(2) == 0,
        page: page(chance),
        ..Asked::default()
    };
    let fitting = model.things.iter().filter(|(_, thing)| {
        thing.team.as_deref() == Some(team) && thing.points.is_some_and(|points| points <= most)
    });
    let expected: Vec<_> = fitting.filter_map(|(key, thing)| thing.in_index(key)).collect();
    compare_by_points(table, &asked, expected).await;
}

/// In the order of the points; several items may have the same, in any order.
async fn compare_by_points(table: &Table<'_>, asked: &Asked, expected: Vec<Attributes>) {
    let found = table.query(asked).await;
    let number = |item: &Attributes| match item.get("points")? {
        AttributeValue::N(number) => number.parse().ok(),
        _ => None,
    };
    let points: Vec<i64> = found.iter().filter_map(number).collect();
    let in_order = if asked.backward { points.iter().rev().is_sorted() } else { points.is_sorted() };
    assert!(in_order && points.len() == found.len(), "{}: {asked:?} {points:?}", table.place);
    assert_eq!(sorted(found), sorted(expected), "{}: {asked:?}", table.place);
}

fn page(chance: &Ids) -> Option<i32> {
    (chance.below(2) == 0).then(|| 1 + chance.below(7) as i32)
}

/// The whole table and the whole global index, in segments.
pub async fn compare_everything(table: &Table<'_>, model: &Model) {
    let expected: Vec<_> = model.things.iter().map(|(key, thing)| thing.attributes(key)).collect();
    assert_eq!(sorted(table.scan(None, 3, Some(11)).await), sorted(expected), "{}: a scan", table.place);
    let expected: Vec<_> = model.things.iter().filter_map(|(key, thing)| thing.in_index(key)).collect();
    let found = table.scan(Some(BY_TEAM), 2, None).await;
    assert_eq!(sorted(found), sorted(expected), "{}: a scan of the index", table.place);
}
