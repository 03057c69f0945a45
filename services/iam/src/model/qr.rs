//! The picture that an authenticator app reads its seed from.
//!
//! Reference: CreateVirtualMFADevice, which says what the code holds.

use qrcode::{Color, EcLevel, QrCode};

/// How many pixels a module of the code is wide, and how many modules of white are around.
const MODULE_PIXELS: usize = 4;
const QUIET_MODULES: usize = 4;

/// The text of the code. The account's name is its alias or its number.
pub fn uri(device: &str, account: &str, base32_seed: &str) -> String {
    format!("otpauth://totp/{device}@{account}?secret={base32_seed}")
}

/// A PNG of the code, in black and white.
pub fn png(text: &str) -> Vec<u8> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L)
        .expect("a device's name and its seed fit into the largest code");
    let modules = code.width() + 2 * QUIET_MODULES;
    let side = modules * MODULE_PIXELS;
    let mut rows = Vec::with_capacity(side * side.div_ceil(8));
    for y in 0..side {
        let mut row = vec![0xff_u8; side.div_ceil(8)];
        for x in 0..side {
            if is_dark(&code, x / MODULE_PIXELS, y / MODULE_PIXELS) {
                row[x / 8] &= !(0x80 >> (x % 8));
            }
        }
        rows.extend(row);
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side as u32, side as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&rows));
    written.expect("memory takes all that is written, and the rows have the picture's size");
    file
}

fn is_dark(code: &QrCode, x: usize, y: usize) -> bool {
    let inside = |at: usize| at.checked_sub(QUIET_MODULES).filter(|at| *at < code.width());
    match (inside(x), inside(y)) {
        (Some(x), Some(y)) => code[(x, y)] == Color::Dark,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_a_square_png_with_a_finder_in_its_corner() {
        let file = png(&uri("bob", "123456789012", &"A".repeat(64)));
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
        let (width, height) = (reader.info().width, reader.info().height);
        assert!(width == height && width > 100);
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let row = |y: usize| &pixels[y * (width as usize).div_ceil(8)..];
        // White around, then seven dark modules of four pixels each: 28 pixels from pixel 16 on.
        assert_eq!(row(0)[..6], [0xff; 6]);
        assert_eq!(row(16)[..6], [0xff, 0xff, 0, 0, 0, 0x0f]);
    }
}
