//! QR codes, for a device without a keyboard: a phone's camera reads the URL from the screen.

use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};

/// Half blocks: two modules of the code in one character, the light ones drawn, for a terminal that writes light on dark.
pub(super) fn text(content: &str) -> Option<String> {
    let code = encode(content)?;
    let (ink, ground) = (unicode::Dense1x2::Light, unicode::Dense1x2::Dark);
    Some(code.render().dark_color(ink).light_color(ground).build())
}

/// Black on white, with the quiet zone that a camera needs.
pub(super) fn svg(content: &str) -> Option<String> {
    let code = encode(content)?;
    Some(code.render::<svg::Color<'_>>().min_dimensions(240, 240).build())
}

/// `None` for what is too long for a code.
fn encode(content: &str) -> Option<QrCode> {
    // Seen from a sofa, on a screen that reflects the lamp: a good deal of it may be unreadable. A long URL takes what it needs.
    let levels = [EcLevel::M, EcLevel::L];
    levels.into_iter().find_map(|level| QrCode::with_error_correction_level(content, level).ok())
}
