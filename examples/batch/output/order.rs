//! Sorts the answers as the posts stand in the input.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::{each_record, of};
use crate::posts::Id;

/// Sorts a finished output by the places of its ids in `ids`, and keeps the last line of each.
///
/// The file is replaced in one step, so that an answer is in the old file or in the new one at any time. Lines of
/// posts that are not among `ids` stand at the end, as they were.
pub(crate) fn sort(path: &Path, ids: Vec<Id>) -> Result<(), String> {
    try_sort(path, ids).map_err(|error| of(path, error))
}

fn try_sort(path: &Path, ids: Vec<Id>) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    // A link stays one: what it leads to is replaced.
    let path = path.canonicalize().map_err(text)?;
    let mut file = File::open(&path).map_err(text)?;
    let places = ids.into_iter().enumerate().map(|(place, id)| (id, place));
    let places: HashMap<Id, usize> = places.collect();
    let mut found = vec![None; places.len()];
    let mut others = Vec::new();
    each_record(BufReader::new(&file), |span, record| {
        match places.get(&record.id) {
            Some(place) => found[*place] = Some(span),
            None => others.push(span),
        }
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let sorted = NamedTempFile::new_in(folder).map_err(text)?;
    let mut writer = BufWriter::new(sorted);
    let mut line = Vec::new();
    for (start, length) in found.into_iter().flatten().chain(others) {
        line.resize(length, 0);
        file.seek(SeekFrom::Start(start)).map_err(text)?;
        file.read_exact(&mut line).map_err(text)?;
        writer.write_all(&line).map_err(text)?;
    }
    let sorted = writer.into_inner().map_err(|error| error.to_string())?;
    let permissions = file.metadata().map_err(text)?.permissions();
    sorted
        .as_file()
        .set_permissions(permissions)
        .map_err(text)?;
    sorted.persist(&path).map_err(|error| error.to_string())?;
    Ok(())
}
