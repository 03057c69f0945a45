//! Compressed objects.

use std::io::Write;

use super::{
    Bytes, Code, Compression, CsvInput, Input, JsonType, Pieces, SelectEvent, check, csv_output, events,
    json_output, request, stats,
};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

fn csv(compression: Compression) -> Input {
    Input::Csv(CsvInput::default(), compression)
}

#[test]
fn packed_objects_are_unpacked() {
    let plain = b"a,1\nb,2\n";
    for (compression, packed) in [(Compression::Gzip, gzip(plain)), (Compression::Bzip2, bzip2(plain))] {
        let request = request(csv(compression), csv_output());
        check("SELECT _1 FROM S3Object", &request, &packed, Ok("a\nb\n"));
        // As parallel packers write it.
        let twice = [packed.clone(), packed.clone()].concat();
        check("SELECT _1 FROM S3Object", &request, &twice, Ok("a\nb\na\nb\n"));
    }
    let input = Input::Json(JsonType::Document, Compression::Gzip);
    check("SELECT a FROM S3Object", &request(input, json_output()), &gzip(b"{\"a\":1}"), Ok("{\"a\":1}\n"));
}

#[test]
fn what_is_packed_otherwise_or_broken_is_refused() {
    let plain: Vec<u8> =
        (0..20_000).flat_map(|line| format!("{line},{}\n", line * 7919 % 1013).into_bytes()).collect();
    for (compression, packed) in [(Compression::Gzip, gzip(&plain)), (Compression::Bzip2, bzip2(&plain))] {
        let request = request(csv(compression), csv_output());
        let sql = "SELECT COUNT(*) FROM S3Object";
        check(sql, &request, &packed, Ok("20000\n"));
        check(sql, &request, &plain, Err(Code::InvalidCompressionFormat));
        check(sql, &request, b"", Err(Code::InvalidCompressionFormat));
        check(sql, &request, &packed[..packed.len() / 2], Err(Code::TruncatedInput));
        check(sql, &request, &packed[..packed.len() - 2], Err(Code::TruncatedInput));
        check(sql, &request, &[&packed[..], b"rubbish after it"].concat(), Err(Code::TruncatedInput));
        let mut broken = packed.clone();
        let middle = broken.len() / 2;
        broken[middle..middle + 64].fill(0x5a);
        let result = super::answer(sql, request, Bytes::from(broken));
        assert!(result.is_err(), "{compression:?}: {result:?}");
    }
    let request = request(csv(Compression::None), csv_output());
    check("SELECT _1 FROM S3Object", &request, &gzip(&plain), Err(Code::InvalidTextEncoding));
}

/// Ten thousand to one: what is unpacked is not kept.
#[test]
fn much_out_of_little_is_read_and_told_as_much() {
    let line = [vec![b'x'; 1023], vec![b'\n']].concat();
    let plain = line.repeat(32 * 1024);
    for (compression, packed) in [(Compression::Gzip, gzip(&plain)), (Compression::Bzip2, bzip2(&plain))] {
        let length = packed.len();
        let request = request(csv(compression), csv_output());
        let object = Pieces(Bytes::from(packed), 3000);
        let events = events("SELECT COUNT(*) FROM S3Object", request, object).expect("it is read");
        let counts = stats(&events);
        assert_eq!((counts.scanned, counts.processed), (length as u64, plain.len() as u64));
        assert!(events.contains(&SelectEvent::Cont), "a query that gives nothing for long is heard of");
        assert!(events.contains(&SelectEvent::Records(Bytes::from("32768\n"))));
    }
}
