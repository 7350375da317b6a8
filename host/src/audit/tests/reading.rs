//! Showing and exporting.

use super::*;

fn numbers(dir: &Path, filter: Filter) -> Vec<u64> {
    let lines = read(dir, filter).unwrap();
    lines.map(|line| line.unwrap().entry.seq).collect()
}

#[test]
fn records_are_filtered() {
    let dir = temp();
    let log = Log::open(dir.path(), &small_files()).unwrap();
    for number in 0..12 {
        let kind = if number % 2 == 0 {
            Kind::Grant
        } else {
            Kind::Denied
        };
        let tenant = if number < 6 { "alice" } else { "bob" };
        log.append(Record::new(kind).tenant(tenant).instance(number));
    }
    drop(log);
    let dir = dir.path();
    assert_eq!(
        numbers(dir, Filter::default()),
        (1..=13).collect::<Vec<_>>()
    );
    let grants = Filter {
        kinds: vec![Kind::Grant],
        ..Filter::default()
    };
    assert_eq!(numbers(dir, grants.clone()), [2, 4, 6, 8, 10, 12]);
    assert_eq!(
        numbers(
            dir,
            Filter {
                last: Some(2),
                ..grants.clone()
            }
        ),
        [10, 12]
    );
    assert_eq!(
        numbers(
            dir,
            Filter {
                last: Some(99),
                ..grants.clone()
            }
        ),
        [2, 4, 6, 8, 10, 12]
    );
    assert_eq!(
        numbers(
            dir,
            Filter {
                last: Some(0),
                ..grants.clone()
            }
        ),
        [0; 0]
    );
    assert_eq!(
        numbers(
            dir,
            Filter {
                tenant: Some("bob".into()),
                ..grants
            }
        ),
        [8, 10, 12]
    );
    let one = Filter {
        instance: Some("7".into()),
        ..Filter::default()
    };
    assert_eq!(numbers(dir, one), [9]);
    let at = all(dir)[5].at;
    let since = numbers(
        dir,
        Filter {
            since: Some(at),
            ..Filter::default()
        },
    );
    let until = numbers(
        dir,
        Filter {
            until: Some(at),
            ..Filter::default()
        },
    );
    assert_eq!(since.len() + until.len(), 13);
    assert!(since.contains(&6) && !until.contains(&6));
}

#[test]
fn lines_come_as_they_are() {
    let dir = temp();
    write(dir.path(), &small_files(), 20);
    let records = read(dir.path(), Filter::default()).unwrap();
    let read: Vec<String> = records
        .map(|line| line.unwrap().json().to_owned() + "\n")
        .collect();
    let files = check(dir.path(), None).unwrap().files as u32;
    let written = (1..=files).flat_map(|number| lines(&path(dir.path(), number)).split_off(1));
    assert_eq!(read, written.collect::<Vec<_>>());
}

#[test]
fn a_line_that_is_no_record_hides_no_other() {
    let dir = temp();
    write(dir.path(), &Options::default(), 3);
    edit(&path(dir.path(), 1), |lines| lines[2] = "{}\n".to_owned());
    let found: Vec<_> = read(dir.path(), Filter::default()).unwrap().collect();
    let errors: Vec<_> = found
        .iter()
        .filter_map(|line| line.as_ref().err())
        .collect();
    assert_eq!(found.len(), 4);
    let [ReadError::Line { file, line }] = errors[..] else {
        panic!("{errors:?}")
    };
    assert_eq!((file.as_str(), *line), ("000001.jsonl", 3));
}

#[test]
fn nothing_in_a_table_is_a_formula() {
    let dir = temp();
    let log = Log::open(dir.path(), &Options::default()).unwrap();
    let record = Record::new(Kind::Denied)
        .tenant("=1+1")
        .who("a,\"b\"")
        .what(" @x")
        .reason("plain");
    log.append(record.by(Origin::Tenant).more(7));
    drop(log);
    let line = read(
        dir.path(),
        Filter {
            last: Some(1),
            ..Filter::default()
        },
    )
    .unwrap()
    .next();
    let line = line.unwrap().unwrap();
    let at = line.entry.at;
    let row = format!("2,{at},denied,tenant,\"'=1+1\",,,\"a,\"\"b\"\"\",\"' @x\",\"plain\",7,,");
    assert_eq!(line.csv(), row);
    let columns = |text: &str| text.split(',').count();
    // One comma is in a text.
    assert_eq!(columns(&line.csv()), columns(Line::CSV_HEADER) + 1);
}
