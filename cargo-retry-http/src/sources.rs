//! Sources → rows.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{
    Attribute, ImplItem, ImplItemFn, ItemFn, ItemImpl, ItemMod, ItemTrait, Macro, Meta, Token, TraitItemFn,
};

use crate::diagnostics::Errors;
use crate::function::block::{self, Input};
use crate::function::foreign::is_ours;
use crate::generate::impl_block;
use crate::options::{self, Options};
use crate::row::{Kind, Row};
use crate::values::{self, as_written};

/// Returns the rows of all sources under `paths`, in the order of their names and lines. What
/// cannot be read is added to `mistakes`.
pub fn rows(paths: &[PathBuf], mistakes: &mut Vec<String>) -> Vec<Row> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files, mistakes);
    }
    files.sort();
    files.dedup();
    let mut rows = Vec::new();
    for file in files {
        let name = file.display().to_string().replace('\\', "/");
        let parsed = fs::read_to_string(&file).map_err(|error| error.to_string()).and_then(|text| {
            syn::parse_file(&text).map_err(|error| format!("{}: {error}", error.span().start().line))
        });
        match parsed {
            Ok(parsed) => {
                let mut finder = Finder { file: &name, path: Vec::new(), rows: &mut rows, mistakes };
                finder.visit_file(&parsed);
            }
            Err(error) => mistakes.push(format!("{name}: {error}")),
        }
    }
    rows
}

/// Adds the sources in a folder, but for hidden folders and what was built.
fn collect(path: &Path, files: &mut Vec<PathBuf>, mistakes: &mut Vec<String>) {
    if !path.is_dir() {
        files.push(path.to_owned());
        return;
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) => return mistakes.push(format!("{}: {error}", path.display())),
    };
    for entry in entries.flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let is_hidden = name.to_string_lossy().starts_with('.');
        if path.is_dir() && !is_hidden && name != "target" {
            collect(&path, files, mistakes);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// An attribute of ours.
struct Found {
    /// The predicate of `cfg_attr`.
    cfg: Option<String>,
    tokens: TokenStream,
}

impl Found {
    /// Returns the attributes of ours among `attributes`.
    fn among(attributes: &[Attribute]) -> Vec<Self> {
        let mut found = Vec::new();
        for attribute in attributes {
            if is_ours(attribute) {
                found.push(Self { cfg: None, tokens: tokens(&attribute.meta) });
            } else if attribute.path().is_ident("cfg_attr") {
                let Ok(parts) = attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
                else {
                    continue;
                };
                let cfg = parts.first().map(|predicate| as_written(&predicate.to_token_stream()));
                for meta in parts.iter().skip(1) {
                    if meta.path().segments.last().is_some_and(|last| last.ident == "retry_http") {
                        found.push(Self { cfg: cfg.clone(), tokens: tokens(meta) });
                    }
                }
            }
        }
        found
    }
}

/// Returns the options of an attribute.
fn tokens(meta: &Meta) -> TokenStream {
    match meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    }
}

struct Finder<'f> {
    file: &'f str,
    /// The modules, types and functions around what is visited.
    path: Vec<String>,
    rows: &'f mut Vec<Row>,
    mistakes: &'f mut Vec<String>,
}

impl Finder<'_> {
    fn within(&mut self, name: String, visit: impl FnOnce(&mut Self)) {
        self.path.push(name);
        visit(self);
        self.path.pop();
    }

    /// Adds the function that is visited, once for each attribute.
    fn function(&mut self, attributes: &[Attribute], at: Span) {
        for Found { cfg, tokens } in Found::among(attributes) {
            let mut errors = Errors::default();
            let options = options::parse(tokens, &mut errors);
            if options.skip.is_some() {
                continue;
            }
            let kind = if options.transparent.is_some() { Kind::Transparent } else { Kind::Function };
            self.row(kind, cfg, &options, at, &errors);
        }
    }

    fn row(&mut self, kind: Kind, cfg: Option<String>, options: &Options, at: Span, errors: &Errors) {
        let line = at.start().line;
        for message in errors.messages() {
            self.mistakes.push(format!("{}:{line}: {message}", self.file));
        }
        self.rows.push(Row {
            function: self.path.join("::"),
            file: self.file.to_owned(),
            line,
            kind,
            cfg,
            policy: values::policy(options),
            options: values::others(options),
        });
    }

    /// Puts the attribute of an `impl` on its methods, as the macro does.
    fn annotate(&mut self, block: &ItemImpl) -> ItemImpl {
        let mut annotated = block.clone();
        for Found { cfg, tokens } in Found::among(&block.attrs) {
            let mut errors = Errors::default();
            let options = options::parse(tokens.clone(), &mut errors);
            let mut bare = annotated.clone();
            bare.attrs.clear();
            let expanded = impl_block::expand(&tokens, &options, bare, &mut errors);
            for message in errors.messages() {
                self.mistakes.push(format!("{}:{}: {message}", self.file, block.span().start().line));
            }
            let expanded = expanded.and_then(|tokens| syn::parse2::<ItemImpl>(tokens).ok());
            let Some(expanded) = expanded else { continue };
            annotated = match cfg {
                None => expanded,
                Some(cfg) => under(&annotated, expanded, &cfg),
            };
        }
        annotated
    }
}

/// Puts what `expanded` has on its methods under a predicate.
fn under(plain: &ItemImpl, mut expanded: ItemImpl, cfg: &str) -> ItemImpl {
    let cfg: TokenStream = cfg.parse().expect("it was lexed before");
    for (item, before) in expanded.items.iter_mut().zip(&plain.items) {
        let (ImplItem::Fn(method), ImplItem::Fn(before)) = (item, before) else { continue };
        let had_own = !Found::among(&before.attrs).is_empty();
        for attribute in method.attrs.iter_mut().filter(|attribute| is_ours(attribute) && !had_own) {
            let meta = &attribute.meta;
            *attribute = syn::parse_quote!(#[cfg_attr(#cfg, #meta)]);
        }
    }
    expanded
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.within(item.ident.to_string(), |finder| visit::visit_item_mod(finder, item));
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.within(item.ident.to_string(), |finder| visit::visit_item_trait(finder, item));
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let annotated = self.annotate(item);
        let name = as_written(&item.self_ty.to_token_stream());
        self.within(name, |finder| {
            for item in &annotated.items {
                finder.visit_impl_item(item);
            }
        });
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.within(item.sig.ident.to_string(), |finder| {
            finder.function(&item.attrs, item.sig.ident.span());
            visit::visit_item_fn(finder, item);
        });
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.within(item.sig.ident.to_string(), |finder| {
            finder.function(&item.attrs, item.sig.ident.span());
            visit::visit_impl_item_fn(finder, item);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        self.within(item.sig.ident.to_string(), |finder| {
            finder.function(&item.attrs, item.sig.ident.span());
            visit::visit_trait_item_fn(finder, item);
        });
    }

    fn visit_macro(&mut self, item: &'ast Macro) {
        let is_ours = item.path.segments.last().is_some_and(|last| last.ident == "retry");
        if !is_ours {
            return;
        }
        let mut errors = Errors::default();
        let Input { options, block } = block::split(item.tokens.clone(), &mut errors);
        let options = options::parse(options, &mut errors);
        self.row(Kind::Block, None, &options, item.span(), &errors);
        if let Ok(block) = syn::parse2::<syn::Expr>(block) {
            self.visit_expr(&block);
        }
    }
}
