//! Pictures, drawings and what is neither, as outputs and as inputs; and a call that says how far it is. The web
//! UI is driven with it, too.

mod png;

use external_worker::prelude::*;

/// A photo of 48 by 32 pixels.
const PHOTO: &[u8] = include_bytes!("photo.jpg");

/// Makes media and tells what it is given.
#[derive(Default)]
pub struct Studio;

#[external_worker(id = "studio", title = "Studio")]
impl Studio {
    /// A square of colours.
    #[node]
    fn picture(&self, #[default(64)] side: u32) -> Result<Media> {
        match side {
            1..=2_000 => Ok(Media::png(png::square(side))),
            _ => Err(Error::invalid_input("`side` is from 1 to 2000")),
        }
    }

    #[node]
    fn photo(&self) -> Media {
        Media::jpeg(PHOTO)
    }

    /// A drawing that would take over the page that it is a part of.
    #[node]
    fn drawing(&self, #[default("gold")] fill: String) -> Media {
        Media::svg(format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='90' height='90' onload='window.owned = 1'>\
             <script>window.owned = 2</script><circle cx='45' cy='45' r='40' fill='{fill}'/></svg>"
        ))
    }

    /// The source of that drawing, to be shown as one.
    #[node(outputs = [{"name": "out", "render_options": {"type": "svg"}}])]
    fn source(&self) -> String {
        "<svg xmlns='http://www.w3.org/2000/svg' onload='window.owned = 3'/>".to_owned()
    }

    /// Neither a picture nor a drawing.
    #[node]
    fn document(&self) -> Media {
        Media::new("application/json", "{ this is not JSON")
    }

    /// What came.
    #[node]
    fn look(&self, media: Media) -> String {
        format!("{}, {} bytes", media.media_type, media.data.len())
    }

    /// Takes so many steps of a tenth of a second each.
    #[node(timeout = "10min")]
    async fn develop(&self, call: Call, #[default(20)] steps: u32) -> Result<u32> {
        for step in 0..steps {
            call.progress(f64::from(step) / f64::from(steps), "developing");
            sleep(Duration::from_millis(100)).await;
        }
        Ok(steps)
    }
}

export!(Studio);
