//! A group as text, for the time after the node: every row of every table that has rows of groups, one JSON object a
//! line. So it is complete whatever tables come; the migrations say what the columns mean.

use std::io::{self, Write};

use rusqlite::types::ValueRef;
use serde_json::{Map, Value};
use thiserror::Error;

use super::erase::tables;
use super::{Reader, StoreError, schema};
use crate::group::GroupId;

/// Why a group could not be exported.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<rusqlite::Error> for ExportError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl Reader {
    /// Writes all that is stored of a group, as of one moment. The first line tells the version of the schema; each
    /// further one is a row with its table's name. Bytes are hexadecimal digits. Returns how many rows there are.
    pub fn export(&self, group: GroupId, out: &mut impl Write) -> Result<u64, ExportError> {
        let _snapshot = self.db().unchecked_transaction()?;
        let head = serde_json::json!({ "export": "meshgroup", "schema": schema::VERSION, "group": group.0 });
        writeln!(out, "{head}")?;
        let mut rows = 0;
        for table in tables(self.db())? {
            // In the order of the primary key: events by number.
            let sql = format!("SELECT * FROM \"{}\" WHERE group_id = ?1", table.name);
            let mut query = self.db().prepare(&sql)?;
            let columns: Vec<String> = query.column_names().map(str::to_owned).collect();
            let mut found = query.query([group.0])?;
            while let Some(row) = found.next()? {
                let mut line = Map::from_iter([("table".to_owned(), Value::from(table.name.as_str()))]);
                for (index, column) in columns.iter().enumerate().filter(|(_, column)| *column != "group_id")
                {
                    let value = json(row.get_ref(index)?);
                    if !value.is_null() {
                        line.insert(column.clone(), value);
                    }
                }
                serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
                out.write_all(b"\n")?;
                rows += 1;
            }
        }
        Ok(rows)
    }
}

fn json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
        ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
    }
}
