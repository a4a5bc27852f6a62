//! `gander demo`: the demo target in the foreground.

use super::exit::Exit;
use super::screen::Screen;
use crate::demo::{DemoOptions, serve};

pub(super) fn demo(options: DemoOptions, screen: Screen) -> Exit {
    let served = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(serve(options, &mut std::io::stdout())));
    match served {
        Ok(()) => Exit::Success,
        Err(error) => {
            screen.error(&error);
            Exit::BadInput
        }
    }
}
