//! What of a configuration its schema does not speak of, so that nobody gets it: a misspelt name, for the most
//! part. It is no error, since a configuration may be of another version, but whoever typed it should hear.

use serde_json::Value as Json;

use crate::limits;
use crate::text;

/// Members of `given` that are not in `taken`, which was made of it, by their paths; the first few.
pub(super) fn left_out(given: &Json, taken: &Json) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    compare(given, taken, &mut Vec::new(), &mut found);
    found
}

fn compare(given: &Json, taken: &Json, above: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    if above.len() > limits::MAX_SCHEMA_DEPTH {
        return;
    }
    match (given, taken) {
        (Json::Object(given), Json::Object(taken)) => {
            for (name, value) in given {
                above.push(text::clean_line(name, limits::MAX_NAME_BYTES));
                match taken.get(name) {
                    Some(taken) => compare(value, taken, above, found),
                    None if found.len() < limits::MAX_CONFIG_PROBLEMS => found.push(above.clone()),
                    None => {}
                }
                above.pop();
            }
        }
        (Json::Array(given), Json::Array(taken)) => {
            for (at, (given, taken)) in given.iter().zip(taken).enumerate() {
                above.push(at.to_string());
                compare(given, taken, above, found);
                above.pop();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::ConfigSchema;
    use super::*;

    fn of(schema: Json, patch: Json) -> Vec<String> {
        let schema = ConfigSchema::new(&schema.to_string(), &[]).unwrap();
        let paths = schema.left_out(&json!({}), &patch).into_iter();
        let mut paths: Vec<_> = paths.map(|path| path.join(".")).collect();
        paths.sort_unstable();
        paths
    }

    #[test]
    fn what_a_schema_does_not_speak_of_is_named() {
        let server = json!({"type": "object", "properties": {"host": {"type": "string"}}});
        let schema = json!({
            "type": "object",
            "required": ["needed"],
            "properties": {
                "needed": {"type": "integer"},
                "server": server,
                "peers": {"type": "array", "items": server},
                "free": {"type": "object", "additionalProperties": true},
            },
        });
        let given = json!({
            "neded": 1,
            "server": {"host": "a", "hots": "b"},
            "peers": [{"host": "a"}, {"hots": "b"}],
            "free": {"anything": 1},
        });
        assert_eq!(
            of(schema.clone(), given),
            ["neded", "peers.1.hots", "server.hots"]
        );
        assert_eq!(of(schema, json!({"needed": "of another type"})), [""; 0]);
        let open = json!({"type": "object", "additionalProperties": true});
        assert_eq!(of(open, json!({"anything": 1})), [""; 0]);
    }
}
