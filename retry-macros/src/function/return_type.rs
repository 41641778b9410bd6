//! The return type of a function: the future it is, and what that resolves to.

use quote::ToTokens;
use syn::{GenericArgument, PathArguments, Type, TypeParamBound};

/// Why the return type of `what` can be no `Result`, where its tokens alone say so. An alias is
/// left to the compiler.
pub(super) fn not_a_result(output: &Type, what: &str) -> Option<String> {
    const NOT_RESULTS: [&str; 7] = ["Option", "String", "Vec", "bool", "u16", "u32", "u64"];
    let name = match output {
        Type::Path(path) => path.path.segments.last()?.ident.to_string(),
        Type::ImplTrait(_) if is_stream(output) => {
            return Some(
                "a stream cannot be retried, since its items are gone once they are yielded: annotate the function \
                 that sends the request for it"
                    .to_owned(),
            );
        }
        Type::Tuple(_)
        | Type::Array(_)
        | Type::Slice(_)
        | Type::Ptr(_)
        | Type::Never(_)
        | Type::Reference(_) => output.to_token_stream().to_string(),
        _ => return None,
    };
    let certain = !matches!(output, Type::Path(_)) || NOT_RESULTS.contains(&name.as_str());
    certain.then(|| {
        format!(
            "this {what} does not return a `Result` but `{name}`, so there is no failure to retry: return a `Result`"
        )
    })
}

fn is_stream(output: &Type) -> bool {
    let Type::ImplTrait(output) = output else { return false };
    output.bounds.iter().any(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            bound.path.segments.last().is_some_and(|last| last.ident.to_string().ends_with("Stream"))
        }
        _ => false,
    })
}

/// Of a return type that is a future, by its name, what it resolves to.
pub(super) fn future_output(output: &Type) -> Option<&Type> {
    match output {
        Type::Path(path) => {
            let last = path.path.segments.last()?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            let inner = arguments.args.iter().rev().find_map(|argument| match argument {
                GenericArgument::Type(inner) => Some(inner),
                _ => None,
            })?;
            match last.ident.to_string().as_str() {
                "BoxFuture" | "LocalBoxFuture" => Some(inner),
                "Pin" | "Box" => future_output(inner),
                _ => None,
            }
        }
        Type::ImplTrait(item) => item.bounds.iter().find_map(output_of),
        Type::TraitObject(item) => item.bounds.iter().find_map(output_of),
        Type::Paren(paren) => future_output(&paren.elem),
        Type::Group(group) => future_output(&group.elem),
        _ => None,
    }
}

/// The lifetime that a future is bound to outlive.
pub(super) fn lifetime_bound(output: &Type) -> Option<&syn::Lifetime> {
    let bounds = match output {
        Type::ImplTrait(item) => &item.bounds,
        Type::TraitObject(item) => &item.bounds,
        Type::Paren(paren) => return lifetime_bound(&paren.elem),
        Type::Path(path) => {
            let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
                return None;
            };
            return arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Lifetime(lifetime) => Some(lifetime),
                GenericArgument::Type(inner) => lifetime_bound(inner),
                _ => None,
            });
        }
        _ => return None,
    };
    bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Lifetime(lifetime) => Some(lifetime),
        _ => None,
    })
}

/// The lifetimes of `impl Future + use<'a, ..>`.
pub(super) fn captures(output: &Type) -> Option<Vec<&syn::Lifetime>> {
    let Type::ImplTrait(output) = output else { return None };
    let captured = output.bounds.iter().find_map(|bound| match bound {
        TypeParamBound::PreciseCapture(captured) => Some(&captured.params),
        _ => None,
    })?;
    let mut lifetimes = Vec::new();
    for captured in captured {
        if let syn::CapturedParam::Lifetime(lifetime) = captured {
            lifetimes.push(lifetime);
        }
    }
    Some(lifetimes)
}

/// The `R` of `Future<Output = R>`.
fn output_of(bound: &TypeParamBound) -> Option<&Type> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let last =
        bound.path.segments.last().filter(|last| last.ident == "Future" || last.ident == "IntoFuture")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => Some(&output.ty),
        _ => None,
    })
}
