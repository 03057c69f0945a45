//! Parts of objects: by bytes and by part numbers.

use s3_api::*;

use crate::support::*;

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at / 7) as u8).collect()
}

async fn range(cloud: &testkit::Cloud, key: &str, range: &str) -> GetObjectOutput {
    let input = GetObjectInput { range: Some(range.to_owned()), ..getting(key) };
    cloud.call(GetObject, input).await.expect("the range can be answered")
}

#[tokio::test]
async fn a_range_is_a_partial_answer() {
    let cloud = cloud(1).await;
    let whole = content(300_000);
    put(&cloud, "k", whole.clone()).await;
    for (asked, start, end) in [
        ("bytes=0-9", 0, 10),
        ("bytes=65500-65510", 65_500, 65_511),
        ("bytes=100000-", 100_000, 300_000),
        ("bytes=-5", 299_995, 300_000),
        ("bytes=299999-400000", 299_999, 300_000),
    ] {
        let got = range(&cloud, "k", asked).await;
        assert_eq!(got.status_code, Some(206));
        assert_eq!(got.content_range, Some(format!("bytes {start}-{}/300000", end - 1)));
        assert_eq!(got.content_length, Some((end - start) as i64));
        assert_eq!(bytes_of(got).await, whole[start..end], "{asked}");
    }
}

#[tokio::test]
async fn several_ranges_or_none_that_is_understood_are_the_whole_object() {
    let cloud = cloud(1).await;
    put(&cloud, "k", content(100)).await;
    for asked in ["bytes=0-1,5-6", "bytes=9-1", "pages=1-2", "bytes=x"] {
        let got = range(&cloud, "k", asked).await;
        assert_eq!((got.status_code, got.content_range.as_deref()), (None, None), "{asked}");
        assert_eq!(bytes_of(got).await.len(), 100);
    }
}

#[tokio::test]
async fn a_range_outside_of_the_object_is_refused() {
    let cloud = cloud(1).await;
    put(&cloud, "k", content(100)).await;
    put(&cloud, "empty", "").await;
    for (key, asked) in [("k", "bytes=100-"), ("k", "bytes=-0"), ("empty", "bytes=0-"), ("empty", "bytes=-1")]
    {
        let input = GetObjectInput { range: Some(asked.to_owned()), ..getting(key) };
        let refused = cloud.call(GetObject, input).await.unwrap_err();
        assert_eq!((refused.code(), refused.status()), ("InvalidRange", 416), "{key} {asked}");
        assert_eq!(field(&refused, "RangeRequested"), Some(asked));
    }
}

#[tokio::test]
async fn a_head_request_takes_ranges_too() {
    let cloud = cloud(1).await;
    put(&cloud, "k", content(100)).await;
    let input = HeadObjectInput { range: Some("bytes=10-19".to_owned()), ..heading("k") };
    let shown = cloud.call(HeadObject, input).await.unwrap();
    assert_eq!((shown.status_code, shown.content_length), (Some(206), Some(10)));
    assert_eq!(shown.content_range.as_deref(), Some("bytes 10-19/100"));
}

#[tokio::test]
async fn an_object_in_one_piece_is_its_own_first_part() {
    let cloud = cloud(1).await;
    put(&cloud, "k", content(100)).await;
    let part = |number| GetObjectInput { part_number: Some(number), ..getting("k") };
    let got = cloud.call(GetObject, part(1)).await.unwrap();
    assert_eq!((got.status_code, got.parts_count), (Some(206), None));
    assert_eq!(got.content_range.as_deref(), Some("bytes 0-99/100"));
    let refused = cloud.call(GetObject, part(2)).await.unwrap_err();
    assert_eq!((refused.code(), refused.status()), ("InvalidPartNumber", 416));
    assert_eq!(field(&refused, "ActualPartCount"), Some("1"));
    assert_eq!(code(cloud.call(GetObject, part(0)).await), "InvalidArgument");
    let both = GetObjectInput { range: Some("bytes=0-1".to_owned()), ..part(1) };
    assert_eq!(code(cloud.call(GetObject, both).await), "InvalidRequest");
}
