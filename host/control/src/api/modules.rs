//! The routes of modules, and of what they request.

use serde::Serialize;
use utoipa::ToSchema;

use super::answer::Answer;
use super::asked::{Asked, within};
use super::page::Paging;
use super::said::{bounded_installed, unexpected};
use crate::limits::{ASK_TIMEOUT, INSTALL_TIMEOUT};
use crate::model::{Ask, Happened, ModuleState, Problem, Told, Upload};

/// What a module requests and no policy grants.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Lack {
    /// The module.
    module: String,
    /// The capability, such as `http`.
    capability: String,
    /// Why, as its author says.
    reason: String,
    /// Lines of a policy that grant something of it, for an operator to adapt, where the host knows some.
    example: Option<&'static str>,
}

pub(super) async fn list(asked: Asked) -> Result<Answer, Problem> {
    let paging: Paging = asked.query()?;
    let modules = modules(&asked).await?;
    Answer::json(&paging.page(modules, |module| &module.name)?)
}

pub(super) async fn install(mut asked: Asked) -> Result<Answer, Problem> {
    let upload = Upload {
        file: asked.name("module")?.to_owned(),
        bytes: std::mem::take(&mut asked.body).into(),
    };
    let what = upload.file.clone();
    let installing = asked.control.supervisor.install(asked.tenant()?, upload);
    let installed = bounded_installed(within(INSTALL_TIMEOUT, installing).await?);
    asked.note(Happened::Install, &what)?;
    Answer::json(&installed)
}

pub(super) async fn remove(asked: Asked) -> Result<Answer, Problem> {
    let module = asked.name("module")?;
    let removing = asked.control.supervisor.uninstall(asked.tenant()?, module);
    within(ASK_TIMEOUT, removing).await?;
    asked.note(Happened::Uninstall, module)?;
    Ok(Answer::nothing())
}

pub(super) async fn requests(asked: Asked) -> Result<Answer, Problem> {
    let paging: Paging = asked.query()?;
    let lacks: Vec<_> = modules(&asked)
        .await?
        .into_iter()
        .flat_map(|module| lacks(&asked, module))
        .map(|lack| (format!("{} {}", lack.module, lack.capability), lack))
        .collect();
    let page = paging.page(lacks, |(key, _)| key)?;
    Answer::json(&page.map(|(_, lack)| lack))
}

fn lacks(asked: &Asked, module: ModuleState) -> impl Iterator<Item = Lack> {
    let requests = module.requests.into_iter();
    let lacking = requests.filter(|request| !request.granted);
    lacking.map(move |request| Lack {
        example: asked.control.supervisor.example(&request.capability),
        module: module.name.clone(),
        capability: request.capability,
        reason: request.reason,
    })
}

async fn modules(asked: &Asked) -> Result<Vec<ModuleState>, Problem> {
    match asked.ask(Ask::Modules).await? {
        Told::Modules(modules) => Ok(modules),
        _ => Err(unexpected()),
    }
}
