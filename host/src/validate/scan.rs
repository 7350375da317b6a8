//! One pass over the bytes of a component: whether they are valid, and what is in them.

use wasmparser::component_types::ComponentEntityType;
use wasmparser::types::Types;
use wasmparser::{
    FuncValidatorAllocations, Instance, KnownCustom, MemoryType, Parser, Payload, TableType,
    ValidPayload, Validator, WasmFeatures,
};

use crate::limits;
use crate::policy::Import;

const PAGE: u64 = 65_536;

/// What is in a component.
#[derive(Default)]
pub struct Facts {
    /// The offset of the first byte that is wrong, and what is.
    pub malformed: Option<(u64, String)>,
    /// The types of the component itself, where it is valid.
    pub types: Option<Types>,
    /// What it exports.
    pub exports: Vec<String>,
    /// What it imports.
    pub imports: Vec<Import>,
    /// Memories of all its modules.
    pub memories: usize,
    /// Tables of all its modules.
    pub tables: usize,
    /// Core instances that are made when it is instantiated.
    pub core_instances: usize,
    /// Bytes that its memories and tables begin with.
    pub initial_bytes: u64,
    /// Bytes of sections with debug information.
    pub debug_bytes: u64,
    /// Whether something says what it was built with.
    pub has_producers: bool,
}

/// Reads all of `bytes`, which begin like a component.
pub fn scan(bytes: &[u8]) -> Facts {
    let mut facts = Facts::default();
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let mut allocations = FuncValidatorAllocations::default();
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(bytes) {
        // The parser takes the end of the bytes for the end of a nested component that claims to be longer.
        let section = payload.as_ref().ok().and_then(Payload::as_section);
        if section.is_some_and(|(_, range)| range.end > bytes.len()) {
            facts.malformed = Some((bytes.len() as u64, "it ends within a section".to_owned()));
            break;
        }
        let step = payload.and_then(|payload| {
            depth = depth_after(depth, &payload);
            facts.note(&payload, depth)?;
            match validator.payload(&payload)? {
                ValidPayload::Func(function, body) => {
                    let mut function = function.into_validator(std::mem::take(&mut allocations));
                    function.validate(&body)?;
                    allocations = function.into_allocations();
                }
                ValidPayload::End(types) if depth == 0 => facts.types = Some(types),
                _ => {}
            }
            Ok(())
        });
        if let Err(error) = step {
            facts.malformed = Some((error.offset() as u64, error.message().to_owned()));
            break;
        }
    }
    facts.finish();
    facts
}

/// How many modules and components the next payload is in, the outermost not counted.
fn depth_after(depth: usize, payload: &Payload<'_>) -> usize {
    match payload {
        Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth + 1,
        Payload::End(_) => depth.saturating_sub(1),
        _ => depth,
    }
}

impl Facts {
    fn note(&mut self, payload: &Payload<'_>, depth: usize) -> wasmparser::Result<()> {
        match payload {
            Payload::MemorySection(memories) => {
                for memory in memories.clone() {
                    self.memory(&memory?);
                }
            }
            Payload::TableSection(tables) => {
                for table in tables.clone() {
                    self.table(&table?.ty);
                }
            }
            Payload::InstanceSection(instances) => {
                for instance in instances.clone() {
                    let made = matches!(instance?, Instance::Instantiate { .. });
                    self.core_instances += usize::from(made);
                }
            }
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports.clone() {
                    let interface = import?.name.name.to_owned();
                    let callable = true;
                    self.imports.push(Import {
                        interface,
                        callable,
                    });
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports.clone() {
                    self.exports.push(export?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) => {
                if section.name().starts_with(".debug_") {
                    let bytes = section.data().len() as u64;
                    self.debug_bytes = self.debug_bytes.saturating_add(bytes);
                }
                self.has_producers |= matches!(section.as_known(), KnownCustom::Producers(_));
            }
            _ => {}
        }
        Ok(())
    }

    fn memory(&mut self, memory: &MemoryType) {
        let page = memory
            .page_size_log2
            .map_or(PAGE, |log2| 1u64.checked_shl(log2).unwrap_or(u64::MAX));
        self.memories += 1;
        let bytes = memory.initial.saturating_mul(page);
        self.initial_bytes = self.initial_bytes.saturating_add(bytes);
    }

    fn table(&mut self, table: &TableType) {
        self.tables += 1;
        let bytes = table.initial.saturating_mul(limits::TABLE_ELEMENT_BYTES);
        self.initial_bytes = self.initial_bytes.saturating_add(bytes);
    }

    /// Which imports are more than types is known when all types are.
    fn finish(&mut self) {
        let Some(types) = &self.types else { return };
        for import in &mut self.imports {
            let item = types.component_item_for_import(&import.interface);
            import.callable = match item.map(|item| item.ty) {
                Some(ComponentEntityType::Instance(instance)) => types[instance]
                    .exports
                    .values()
                    .any(|item| !matches!(item.ty, ComponentEntityType::Type { .. })),
                Some(ComponentEntityType::Type { .. }) => false,
                _ => true,
            };
        }
    }
}
