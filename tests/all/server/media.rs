//! Pictures, from the guest that makes them to the client that shows them, and back.

use external_worker_artifacts::PROBE_MEDIA;
use external_worker_host::limits;
use external_worker_host::media::Media;
use serde_json::{Value as Json, json};

use super::{Client, Served, binary, command};

const STUDIO: &str = "studio";

/// A Worker with the guest that makes pictures, a client, and the uuid of an instance.
async fn studio() -> (Served, Client, String) {
    let served = Served::start().await;
    let modules = served.data.path().join("local_workers");
    std::fs::copy(PROBE_MEDIA, modules.join(format!("{STUDIO}.wasm"))).unwrap();
    let mut client = served.client().await;
    let added = json!({ "module": STUDIO, "cls_module": STUDIO, "cls_name": STUDIO });
    let uuid = loop {
        // It is found a moment after it was put there.
        match client.call("add_external_worker", added.clone()).await {
            Ok(added) => break added["uuid"].as_str().unwrap().to_owned(),
            Err(_) => client.event("update_worker_dependencies").await,
        };
    };
    client.comes(&uuid).await;
    (served, client, uuid)
}

async fn add(client: &mut Client, uuid: &str, method: &str) -> String {
    let class = format!("{STUDIO}.{uuid}.{method}");
    let node = client.call("add_node", json!({ "id": class })).await;
    node.unwrap()["id"].as_str().unwrap().to_owned()
}

/// What the node `node` shows at `out` after it ran: the type and the bytes.
async fn run(client: &mut Client, node: &str) -> (String, Vec<u8>) {
    let trigger = json!({ "nid": node });
    client.call("trigger_node", trigger).await.unwrap();
    shown(client, node).await
}

async fn shown(client: &mut Client, node: &str) -> (String, Vec<u8>) {
    let begin = format!("node={node}; io=out; mime=");
    let (header, body) = client
        .wait_for(|message| binary(message).filter(|(header, _)| header.contains(&begin)))
        .await;
    let mime = header.split_once("mime=").unwrap().1;
    (mime.split(';').next().unwrap().to_owned(), body)
}

/// All of a value, as bytes.
async fn whole(client: &mut Client, node: &str) -> (String, Vec<u8>) {
    let mut get = command(
        "get_io_full_value",
        json!({ "nid": node, "ioid": "out" }),
        "whole",
    );
    get["as_bytes"] = true.into();
    client.send(&get).await;
    client
        .wait_for(|message| binary(message).filter(|(header, _)| header.contains("id=whole")))
        .await
}

/// The bytes of a data URL, which is of this type.
fn decoded(url: &Json, media_type: &str) -> Vec<u8> {
    let media = Media::from_url(url.as_str().unwrap()).unwrap();
    assert_eq!(media.media_type, media_type);
    media.data
}

#[tokio::test]
async fn a_picture_travels_as_what_it_is() {
    let (served, mut client, uuid) = studio().await;
    let node = add(&mut client, &uuid, "picture").await;
    let asked = json!({ "nid": node, "ioid": "out" });
    let view = client.call("get_nodes", json!({})).await.unwrap();
    assert_eq!(view[0]["render_options"]["data"]["src"], "out");
    let io = view[0]["io"].as_array().unwrap();
    let out = io.iter().find(|io| io["id"] == "out").unwrap();
    assert_eq!(
        (&out["type"], &out["render_options"]["type"]),
        (&json!("media"), &json!("image"))
    );

    let (mime, png) = run(&mut client, &node).await;
    assert_eq!(mime, "image/png");
    assert!(png.starts_with(b"\x89PNG") && png.len() > 64 * 64 * 3);
    let preview = client.call("get_io_value", asked.clone()).await.unwrap();
    assert_eq!(decoded(&preview, "image/png"), png);

    let side = json!({ "nid": node, "ioid": "side", "value": 1_400 });
    client.call("set_io_value", side).await.unwrap();
    let (mime, card) = shown(&mut client, &node).await;
    assert!(mime == "text/plain" && card.starts_with(b"data:image/svg+xml;base64,"));
    assert!(card.len() < 1_000, "{}", card.len());
    let (header, large) = whole(&mut client, &node).await;
    assert!(header.contains("mime=text/plain;"), "{header}");
    let large = decoded(&String::from_utf8(large).unwrap().into(), "image/png");
    assert!(large.len() > limits::PREVIEW_MEDIA_BYTES);
    // As JSON it is fetched, all of it.
    let get = command("get_io_full_value", asked, "json");
    client.send(&get).await;
    let hint = client.json(|json| json["type"] == "large_message").await;
    let path = format!("/message/{}", hint["msg_id"].as_str().unwrap());
    let answer = served.http(&format!("GET {path}"), b"").await.json();
    assert_eq!(answer["id"], "json");
    assert_eq!(decoded(&answer["result"], "image/png"), large);
}

#[tokio::test]
async fn what_runs_and_what_is_no_picture_is_not_taken_for_one() {
    let (_served, mut client, uuid) = studio().await;
    let node = add(&mut client, &uuid, "drawing").await;
    let (mime, body) = run(&mut client, &node).await;
    let url = Json::from(String::from_utf8(body).unwrap());
    let source = decoded(&url, "image/svg+xml");
    assert_eq!(mime, "text/plain");
    assert!(source.starts_with(b"<svg "));
    let node = add(&mut client, &uuid, "document").await;
    let (mime, card) = run(&mut client, &node).await;
    assert!(mime == "text/plain" && card.starts_with(b"data:image/svg+xml;base64,"));
    let (header, body) = whole(&mut client, &node).await;
    assert!(
        header.contains("mime=application/octet-stream;"),
        "{header}"
    );
    assert_eq!(body, b"{ this is not JSON");
}

#[tokio::test]
async fn an_input_takes_media_from_an_edge_and_from_a_client() {
    let (_served, mut client, uuid) = studio().await;
    let photo = add(&mut client, &uuid, "photo").await;
    let look = add(&mut client, &uuid, "look").await;
    let edge = json!({
        "src_nid": photo, "src_ioid": "out", "trg_nid": look, "trg_ioid": "media",
    });
    client.call("add_edge", edge.clone()).await.unwrap();
    let (mime, jpeg) = run(&mut client, &photo).await;
    assert_eq!(mime, "image/jpeg");
    let (_, said) = shown(&mut client, &look).await;
    let expected = format!("image/jpeg, {} bytes", jpeg.len());
    assert_eq!(said, expected.as_bytes());
    client.call("remove_edge", edge).await.unwrap();

    let given =
        |value: &str| json!({ "nid": look, "ioid": "media", "value": value, "set_default": true });
    let url = "data:image/png;base64,iVBORw0K";
    client.call("set_io_value", given(url)).await.unwrap();
    let (_, said) = shown(&mut client, &look).await;
    assert_eq!(said, b"image/png, 6 bytes");
    let refused = client.call("set_io_value", given("http://a")).await;
    assert!(refused.unwrap_err().contains("is not a URL such as data:"));
    // It is kept with the graph.
    let state = client.call("get_save_state", json!({})).await.unwrap();
    assert!(state.to_string().contains(url), "{state}");
}

#[tokio::test]
async fn the_bar_of_a_node_moves_and_comes_to_rest() {
    let (_served, mut client, uuid) = studio().await;
    let node = add(&mut client, &uuid, "develop").await;
    let trigger = json!({ "nid": node });
    client.call("trigger_node", trigger).await.unwrap();
    let mut seen = Vec::new();
    loop {
        let info = client.event("progress").await["info"].clone();
        match info["total"].as_f64() {
            Some(total) => seen.push(info["n"].as_f64().unwrap() / total),
            None if info["prefix"] == "idle" => break,
            None => {}
        }
    }
    assert!(seen.len() >= 2 && seen.is_sorted(), "{seen:?}");
    assert!(
        seen.iter().all(|part| (0.0..1.0).contains(part)),
        "{seen:?}"
    );
}
