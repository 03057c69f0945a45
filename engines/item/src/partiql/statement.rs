//! Statements as the service carries them out.

use super::columns::{self, Columns};
use super::condition;
use super::error::unsupported;
use super::lexer::Span;
use super::literal;
use super::parser;
use super::tree::{Node, ReturningTree, SelectTree, Source, StatementTree, Step, Term};
use super::update;
use crate::error::ExpressionError;
use crate::expression;
use crate::value::{Item, Value};

/// One statement, its parameters in their places.
#[derive(Debug, Clone)]
pub enum Statement {
    Select(Select),
    Insert(Insert),
    Update(Update),
    Delete(Delete),
    /// `EXISTS(SELECT …)`: what ConditionCheck is to TransactWriteItems. Only transactions have it.
    Exists(Select),
}

#[derive(Debug, Clone)]
pub struct Select {
    pub table: String,
    pub index: Option<String>,
    pub columns: Columns,
    /// Of every item that is returned, conditions on keys included.
    pub condition: Option<expression::Condition>,
    pub order: Vec<OrderBy>,
}

/// A key attribute that results are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBy {
    pub name: String,
    pub descending: bool,
}

/// Fails if there is an item of the same key (`DuplicateItemException`).
#[derive(Debug, Clone)]
pub struct Insert {
    pub table: String,
    pub item: Item,
}

/// Of one item that exists; otherwise `ConditionalCheckFailedException`.
#[derive(Debug, Clone)]
pub struct Update {
    pub table: String,
    pub update: expression::Update,
    /// The whole of WHERE: it names the item's key, and may ask more of it.
    pub condition: expression::Condition,
    pub returning: Option<Returning>,
}

/// Nothing happens if there is no item; if there is one that `condition` does not fit,
/// `ConditionalCheckFailedException`.
#[derive(Debug, Clone)]
pub struct Delete {
    pub table: String,
    pub condition: expression::Condition,
    /// `RETURNING ALL OLD *`, which is all that DELETE has.
    pub returning: bool,
}

/// `RETURNING … *`. `Modified…` are the attributes that the statement names, without the key; if none of them is there,
/// no item is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returning {
    AllOld,
    ModifiedOld,
    AllNew,
    ModifiedNew,
}

impl Statement {
    pub fn table(&self) -> &str {
        match self {
            Statement::Select(select) | Statement::Exists(select) => &select.table,
            Statement::Insert(insert) => &insert.table,
            Statement::Update(update) => &update.table,
            Statement::Delete(delete) => &delete.table,
        }
    }

    /// Reads and writes do not mix in a batch or transaction; EXISTS goes with writes.
    pub fn is_read(&self) -> bool {
        matches!(self, Statement::Select(_))
    }
}

/// Reads one statement; `?` stands for the parameters, in order.
pub fn parse(statement: &str, parameters: &[Value]) -> Result<Statement, ExpressionError> {
    match parser::parse(statement, parameters)? {
        StatementTree::Select(tree) => select(tree).map(Statement::Select),
        StatementTree::Exists { arguments, span } => exists(arguments, span).map(Statement::Exists),
        StatementTree::Insert { target, item, returning } => {
            insert(&target, &item, returning).map(Statement::Insert)
        }
        StatementTree::Update { source, changes, condition, returning } => {
            let table = only_table(&source)?;
            let update = update::update(&changes)?;
            let condition = where_clause(condition)?;
            let returning = returning.map(|tree| returning_of(&tree));
            Ok(Statement::Update(Update { table, update, condition, returning }))
        }
        StatementTree::Delete { source, condition, returning } => {
            let table = only_table(&source)?;
            let condition = where_clause(condition)?;
            match returning {
                Some(tree) if tree.what != "ALL OLD" => Err(unsupported(
                    format_args!("DELETE does not support RETURNING {} *", tree.what),
                    tree.span,
                )),
                returning => {
                    Ok(Statement::Delete(Delete { table, condition, returning: returning.is_some() }))
                }
            }
        }
    }
}

fn select(tree: SelectTree) -> Result<Select, ExpressionError> {
    if let Some((clause, span)) = tree.foreign {
        return Err(unsupported(format_args!("Unsupported clause: {clause}"), span));
    }
    if let Some((_, span)) = &tree.source.alias {
        return Err(unsupported("Unsupported clause: AS", *span));
    }
    let (table, index) = table_and_index(&tree.source.node)?;
    let columns = columns::columns(&tree.columns)?;
    let condition = tree.condition.as_ref().map(condition::condition).transpose()?;
    let order = match &tree.order {
        None => Vec::new(),
        Some(_) if condition.is_none() => {
            return Err(ExpressionError::new(
                "Must have WHERE clause in the statement when using ORDER BY clause.",
            ));
        }
        Some((specs, _)) => {
            let one = |spec: &super::tree::SortSpec| match &spec.node.term {
                Term::Name(name) => Ok(OrderBy { name: name.clone(), descending: spec.descending }),
                _ => Err(unsupported("Unexpected expression in ORDER BY clause", spec.node.span)),
            };
            specs.iter().map(one).collect::<Result<_, _>>()?
        }
    };
    Ok(Select { table, index, columns, condition, order })
}

fn exists(mut arguments: Vec<Node>, span: Span) -> Result<Select, ExpressionError> {
    match (arguments.pop().map(|node| node.term), arguments.is_empty()) {
        (Some(Term::Select(tree)), true) => select(*tree),
        _ => Err(unsupported("EXISTS needs one SELECT statement", span)),
    }
}

fn insert(target: &Node, item: &Node, returning: Option<ReturningTree>) -> Result<Insert, ExpressionError> {
    if let Some(tree) = returning {
        return Err(unsupported("INSERT does not support RETURNING", tree.span));
    }
    let (table, index) = table_and_index(target)?;
    if index.is_some() {
        return Err(unsupported("Items cannot be inserted into an index", target.span));
    }
    match &item.term {
        Term::Struct(members) => Ok(Insert { table, item: literal::map(members)? }),
        Term::Literal(Value::Map(item)) => Ok(Insert { table, item: item.clone() }),
        _ => Err(unsupported("The value of an INSERT must be a tuple", item.span)),
    }
}

/// What an UPDATE or DELETE is of: a table without an index.
fn only_table(source: &Source) -> Result<String, ExpressionError> {
    if let Some((_, span)) = &source.alias {
        return Err(unsupported("Unsupported clause: AS", *span));
    }
    match table_and_index(&source.node)? {
        (table, None) => Ok(table),
        (_, Some(_)) => Err(unsupported("Items of an index cannot be changed", source.node.span)),
    }
}

/// `Table`, `"Table"` and `"Table"."Index"`.
fn table_and_index(node: &Node) -> Result<(String, Option<String>), ExpressionError> {
    let refused = || unsupported("Unexpected from source", node.span);
    match &node.term {
        Term::Name(table) => Ok((table.clone(), None)),
        Term::Path(root, steps) => match (&root.term, steps.as_slice()) {
            (Term::Name(table), [Step::Name(index)]) => Ok((table.clone(), Some(index.clone()))),
            _ => Err(refused()),
        },
        _ => Err(refused()),
    }
}

/// UPDATE and DELETE are of one item, which WHERE has to name.
fn where_clause(condition: Option<Node>) -> Result<expression::Condition, ExpressionError> {
    match condition {
        Some(node) => condition::condition(&node),
        None => Err(super::access::key_is_missing()),
    }
}

fn returning_of(tree: &ReturningTree) -> Returning {
    match tree.what {
        "ALL OLD" => Returning::AllOld,
        "ALL NEW" => Returning::AllNew,
        "MODIFIED OLD" => Returning::ModifiedOld,
        _ => Returning::ModifiedNew,
    }
}
