//! The data that a scenario brings along: CSV or JSON lines, one feeder a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Sources;
use super::variables::{VariableBook, check_name};
use crate::input::{Field, Fields, Place, Problem, Problems, Source, Value, candidates, quoted};
use crate::plan::{Datum, Feeder, RowOrder, Rows, Slot, TableFormat};

/// More columns than this are no table of test data.
const MOST_COLUMNS: usize = 500;
/// How many mistakes of one file are told.
const MOST_MISTAKES: usize = 5;

/// A feeder, and where it is written.
#[derive(Debug)]
pub(super) struct WrittenFeeder {
    pub feeder: Feeder,
    pub place: Place,
}

/// A file, read.
struct Table {
    format: TableFormat,
    columns: Vec<String>,
    rows: Vec<Vec<Option<Datum>>>,
}

/// The feeders of `data`, and true when that is all of them. Their columns become known to `book`.
pub(super) fn read(
    field: Field<'_>,
    scenario: &Path,
    sources: &Sources<'_>,
    book: &mut VariableBook<'_>,
    problems: &mut Problems,
) -> (Vec<WrittenFeeder>, bool) {
    let Some(fields) = Fields::of(field.node, "`data`", problems) else { return (Vec::new(), false) };
    let mut feeders = Vec::new();
    let mut whole = true;
    for entry in fields.entries() {
        let named = check_name(&entry.key.text, &entry.key.place, problems);
        let field = Field { name: &entry.key.text, node: &entry.value };
        let read = read_feeder(field, scenario, sources, problems).filter(|_| named);
        whole &= read.is_some();
        if let Some((file, order, table)) = read {
            let name = entry.key.text.clone();
            let columns: Vec<(String, Slot)> = table
                .columns
                .into_iter()
                .map(|column| (column.clone(), book.column(&name, &column)))
                .collect();
            let count = table.rows.len() as u64;
            let format = table.format;
            let feeder =
                Feeder { name, file, format, order, count, columns, rows: Rows(Arc::new(table.rows)) };
            feeders.push(WrittenFeeder { feeder, place: entry.value.place.clone() });
        }
    }
    (feeders, whole)
}

/// `FILE`, or `{file: FILE, order: ..., format: ...}`.
fn read_feeder(
    field: Field<'_>,
    scenario: &Path,
    sources: &Sources<'_>,
    problems: &mut Problems,
) -> Option<(String, RowOrder, Table)> {
    let (file, order, format) = if let Value::Text(_) = &field.node.value {
        (field, Some(RowOrder::Sequential), None)
    } else {
        let mut fields = Fields::of(field.node, "a feeder", problems)?;
        let file = fields.required("file", problems);
        let order = fields
            .optional("order")
            .map_or(Some(RowOrder::Sequential), |field| field.word(&RowOrder::ALL, problems));
        let format = fields.optional("format").map(|field| field.word(&TableFormat::ALL, problems));
        fields.finish(problems);
        (file?, order, format)
    };
    let written = file.text(problems)?;
    let candidates: Vec<PathBuf> = candidates(scenario, Path::new(written));
    let format = format.unwrap_or_else(|| {
        let ending = Path::new(written).extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match ending.to_ascii_lowercase().as_str() {
            "csv" => Some(TableFormat::Csv),
            "jsonl" | "ndjson" => Some(TableFormat::Jsonl),
            _ => {
                let help = "write `{file: NAME, format: csv}` or `jsonl`; endings that say so are `.csv`, `.jsonl` and `.ndjson`";
                file.wrong("its name does not say what is in it", help, problems);
                None
            }
        }
    })?;
    let (path, text) = sources.files.read_first(&candidates, &file.node.place, problems)?;
    let source = Source::new(path.to_string_lossy(), text);
    let before = problems.len();
    let table = match format {
        TableFormat::Csv => read_csv(&source, problems),
        TableFormat::Jsonl => Some(read_json_lines(&source, problems)),
    };
    let table = table.filter(|_| problems.len() == before)?;
    if table.rows.is_empty() {
        file.wrong(format!("{} has no rows", quoted(source.name())), "write at least one", problems);
        return None;
    }
    Some((written.to_owned(), order?, table))
}

fn read_csv(source: &Arc<Source>, problems: &mut Problems) -> Option<Table> {
    let text = source.text().trim_start_matches('\u{feff}');
    let skipped = source.text().len() - text.len();
    let before = problems.len();
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let columns: Vec<String> = match reader.headers() {
        Ok(headers) => headers.iter().map(|name| name.trim().to_owned()).collect(),
        Err(error) => {
            problems.push(csv_problem(source, skipped, &error));
            return None;
        }
    };
    check_columns(&columns, source, problems);
    let mut rows = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) if record.len() == columns.len() => {
                rows.push(record.iter().map(str::to_owned).collect::<Vec<_>>());
            }
            Ok(record) => {
                let message = format!("{} of {} columns have a value", record.len(), columns.len());
                let place = line_at(source, skipped, record.position());
                let help =
                    "give each row a value for each column; a value with a comma or a quote goes in quotes";
                problems.push(Problem::error(&place, message).help(help));
            }
            Err(error) => problems.push(csv_problem(source, skipped, &error)),
        }
        if problems.len() >= before + MOST_MISTAKES {
            break;
        }
    }
    let numeric: Vec<bool> = (0..columns.len()).map(|at| is_numeric(&rows, at)).collect();
    let datum = |(at, text): (usize, String)| match numeric[at] {
        true if text.is_empty() => None,
        true => Some(Datum::Json(text.into())),
        false => Some(Datum::Text(text.into())),
    };
    let rows = rows.into_iter().map(|row| row.into_iter().enumerate().map(datum).collect()).collect();
    Some(Table { format: TableFormat::Csv, columns, rows })
}

/// True when every value of a column is a number as JSON writes it: `007` is none.
fn is_numeric(rows: &[Vec<String>], column: usize) -> bool {
    let mut values = rows.iter().map(|row| row[column].as_str()).filter(|text| !text.is_empty()).peekable();
    values.peek().is_some() && values.all(|text| serde_json::from_str::<serde_json::Number>(text).is_ok())
}

fn csv_problem(source: &Arc<Source>, skipped: usize, error: &csv::Error) -> Problem {
    Problem::error(&line_at(source, skipped, error.position()), format!("not readable as CSV: {error}"))
}

fn line_at(source: &Arc<Source>, skipped: usize, position: Option<&csv::Position>) -> Place {
    let Some(start) = position.and_then(|position| usize::try_from(position.byte()).ok()) else {
        return Place::whole(source);
    };
    // The reader says where a record begins, before the line breaks that may stand in front of it.
    let start = (start + skipped).min(source.text().len());
    let rest = &source.text()[start..];
    let start = start + (rest.len() - rest.trim_start_matches(['\n', '\r']).len());
    line_from(source, start)
}

fn line_from(source: &Arc<Source>, start: usize) -> Place {
    let length = source.text()[start..].find('\n').unwrap_or(source.text().len() - start);
    Place::new(source, start..start + length)
}

/// The error without its place, which is that in a line.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split_once(" at line ").map_or(text.as_str(), |(said, _)| said).to_owned()
}

fn check_columns(columns: &[String], source: &Arc<Source>, problems: &mut Problems) {
    let place = line_from(source, 0);
    if columns.len() > MOST_COLUMNS {
        let message = format!("{} columns are more than {MOST_COLUMNS}", columns.len());
        problems.push(Problem::error(&place, message).help("leave out those that no step names"));
    }
    for (at, column) in columns.iter().enumerate() {
        if columns[..at].contains(column) {
            problems.push(
                Problem::error(&place, format!("two columns are called {}", place.quoted(column)))
                    .help("the first line names the columns: give one of them another name"),
            );
        }
    }
}

/// One JSON object a line. A column is known when a row has it; others may lack it.
fn read_json_lines(source: &Arc<Source>, problems: &mut Problems) -> Table {
    let before = problems.len();
    let mut columns: Vec<String> = Vec::new();
    let mut objects = Vec::new();
    let mut start = 0;
    for line in source.text().split_inclusive('\n') {
        let text = line.trim_start_matches('\u{feff}').trim();
        if !text.is_empty() {
            match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) {
                Ok(object) => {
                    for name in
                        object.keys().filter(|name| !columns.contains(name)).cloned().collect::<Vec<_>>()
                    {
                        columns.push(name);
                    }
                    objects.push(object);
                }
                Err(error) => problems.push(
                    Problem::error(
                        &line_from(source, start),
                        format!("no JSON object: {}", without_line(&error)),
                    )
                    .help("write one object a line: `{\"city\": \"Rome\"}`"),
                ),
            }
        }
        start += line.len();
        if problems.len() >= before + MOST_MISTAKES || columns.len() > MOST_COLUMNS {
            break;
        }
    }
    check_columns(&columns, source, problems);
    let row = |object: &serde_json::Map<String, serde_json::Value>| {
        columns.iter().map(|column| object.get(column).map(Datum::of)).collect()
    };
    let rows = objects.iter().map(row).collect();
    Table { format: TableFormat::Jsonl, columns, rows }
}
