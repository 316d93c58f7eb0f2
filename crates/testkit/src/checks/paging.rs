//! Pages and the links between them.

use super::{Verdict, that, tiny};
use crate::{Fault, How, Kit, Size, Trouble, World};

fn paged() -> World {
    World { size: Size::Paged, ..tiny() }
}

pub(super) async fn only_the_cursor_of_a_link_is_used(kit: &Kit) -> Verdict {
    for trouble in [Trouble::LinkElsewhere, Trouble::LinkBare, Trouble::LinkWrongPath] {
        let paths = kit.upstream.samples().paged;
        let faults = paths.into_iter().map(|path| Fault::always(path, trouble.clone()));
        kit.read(&paged().with(faults)).await.is_whole()?;
    }
    Ok(())
}

pub(super) async fn a_repeated_cursor_is_an_error(kit: &Kit) -> Verdict {
    let samples = kit.upstream.samples();
    for path in samples.paged.into_iter().filter(|path| !samples.ends_with_its_cursor.contains(path)) {
        let bed = kit.bed();
        let world = paged().with([Fault { from: Some(2), ..Fault::always(path, Trouble::RepeatedCursor) }]);
        let outcome = bed.sync(&world, &How::default()).await;
        if outcome.result.is_ok() {
            outcome.owns_up(kit)?;
            that(!outcome.gaps.is_empty(), || format!("{path} goes round in a circle, and that is no gap"))?;
        }
        let made = outcome.requests.get(&format!("GET {path}")).copied().unwrap_or(0);
        that(made < 200, || format!("{path} was asked for {made} times"))?;
        bed.sync(&paged(), &How::full()).await.is_whole()?;
    }
    Ok(())
}
