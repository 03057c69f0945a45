//! Devices and their codes.

use std::time::Duration;

use base::Timestamp;

use super::*;

/// A device as an authenticator app is one: it has the seed, and makes codes by the clock.
struct App(Vec<u8>);

impl App {
    fn code(&self, at: Timestamp) -> String {
        use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
        let step = (at.as_secs() / 30) as u64;
        let tag = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0), &step.to_be_bytes());
        let offset = (tag.as_ref()[19] & 15) as usize;
        let word = u32::from_be_bytes(tag.as_ref()[offset..offset + 4].try_into().expect("four bytes"));
        format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
    }
}

const STEP: Duration = Duration::from_secs(30);

async fn create_device(cloud: &Cloud, name: &str) -> (String, App) {
    let input = CreateVirtualMFADeviceInput {
        virtual_mfa_device_name: name.to_owned(),
        ..CreateVirtualMFADeviceInput::default()
    };
    let made = cloud.call(CreateVirtualMFADevice, input).await.expect("the name is free");
    let device = made.virtual_mfa_device;
    let base32 = device.base32_string_seed.expect("a new device shows its seed");
    assert_eq!(base32.len(), 64);
    assert!(device.qr_code_png.expect("and its picture").starts_with(b"\x89PNG"));
    (device.serial_number, App(data_encoding::BASE32.decode(&base32).expect("it is base 32")))
}

async fn enable(cloud: &Cloud, serial: &str, first: String, second: String) -> Result<(), Fault> {
    let input = EnableMFADeviceInput {
        user_name: "bob".to_owned(),
        serial_number: serial.to_owned(),
        authentication_code1: first,
        authentication_code2: second,
    };
    cloud.call(EnableMFADevice, input).await.map(drop)
}

async fn enabled(cloud: &Cloud) -> (String, App) {
    create_user(cloud, "bob").await;
    let (serial, app) = create_device(cloud, "bob").await;
    let now = cloud.clock.now();
    enable(cloud, &serial, app.code(now - STEP), app.code(now)).await.expect("the codes are good");
    (serial, app)
}

#[tokio::test]
async fn a_device_is_enabled_by_two_codes_in_a_row() {
    let cloud = Cloud::new(1).await;
    create_user(&cloud, "bob").await;
    let (serial, app) = create_device(&cloud, "bob").await;
    assert_eq!(serial, "arn:aws:iam::000000000000:mfa/bob");
    let now = cloud.clock.now();
    let (code, message) = words(enable(&cloud, &serial, app.code(now), app.code(now)).await);
    assert_eq!(code, "InvalidAuthenticationCode");
    assert_eq!(message, "Authentication code for device is not valid.");
    enable(&cloud, &serial, app.code(now - STEP), app.code(now)).await.unwrap();
    cloud.advance(STEP).await;
    let again = enable(&cloud, &serial, app.code(now), app.code(now + STEP)).await;
    assert_eq!(words(again).0, "EntityAlreadyExists");
    let absent = enable(&cloud, "arn:aws:iam::000000000000:mfa/x", app.code(now), app.code(now + STEP)).await;
    assert_eq!(words(absent).0, "NoSuchEntity");

    let input = ListMFADevicesInput { user_name: Some("bob".to_owned()), ..ListMFADevicesInput::default() };
    let devices = cloud.call(ListMFADevices, input).await.unwrap().mfa_devices;
    assert_eq!(devices, [MFADevice { user_name: "bob".to_owned(), serial_number: serial, enable_date: now }]);
}

#[tokio::test]
async fn a_code_is_good_once() {
    let cloud = Cloud::new(2).await;
    let (_, app) = enabled(&cloud).await;
    let profile = CreateLoginProfileInput {
        user_name: Some("bob".to_owned()),
        password: Some("Corr3ct-horse".to_owned()),
        password_reset_required: None,
    };
    cloud.call(CreateLoginProfile, profile).await.unwrap();
    let sign_in = async |code: Option<String>| {
        let asked = fogbank_iam::SignIn {
            account: "000000000000".to_owned(),
            user: "bob".to_owned(),
            password: "Corr3ct-horse".to_owned(),
            mfa_code: code,
            now: cloud.clock.now(),
        };
        cloud.iam.sign_in(asked).await
    };
    assert!(matches!(sign_in(None).await, Err(fogbank_iam::SignInError::MfaRequired)));
    let used = app.code(cloud.clock.now());
    assert!(
        matches!(sign_in(Some(used)).await, Err(fogbank_iam::SignInError::Failed)),
        "it enabled the device"
    );
    cloud.advance(STEP).await;
    let code = app.code(cloud.clock.now());
    let signed_in = sign_in(Some(code.clone())).await.unwrap();
    assert_eq!(signed_in.mfa_at, Some(cloud.clock.now()));
    assert!(
        matches!(sign_in(Some(code)).await, Err(fogbank_iam::SignInError::Failed)),
        "a code is used once"
    );
}

#[tokio::test]
async fn a_device_whose_clock_is_off_is_brought_into_line() {
    let cloud = Cloud::new(3).await;
    let (serial, app) = enabled(&cloud).await;
    cloud.advance(STEP * 100).await;
    let late = cloud.clock.now() - STEP * 40;
    let resync = |first: String, second: String| ResyncMFADeviceInput {
        user_name: "bob".to_owned(),
        serial_number: serial.clone(),
        authentication_code1: first,
        authentication_code2: second,
    };
    let wrong = resync(app.code(late), app.code(late));
    assert_eq!(words(cloud.call(ResyncMFADevice, wrong).await).0, "InvalidAuthenticationCode");
    cloud.call(ResyncMFADevice, resync(app.code(late), app.code(late + STEP))).await.unwrap();
    use service::Identities;
    let bob = as_user(&user(&cloud, "bob").await.unwrap());
    let now = cloud.clock.now();
    let code = app.code(late + STEP * 2);
    assert!(cloud.iam.check_mfa(&bob, &serial, &code, now).await.unwrap());
    assert!(!cloud.iam.check_mfa(&bob, &serial, &code, now).await.unwrap());
    assert!(!cloud.iam.check_mfa(&bob, &serial, &app.code(now), now).await.unwrap());
}

#[tokio::test]
async fn a_device_in_use_is_deactivated_before_it_goes() {
    let cloud = Cloud::new(4).await;
    let (serial, _) = enabled(&cloud).await;
    assert_eq!(
        words(delete_user(&cloud, "bob").await).1,
        "Cannot delete entity, must delete MFA device first."
    );
    let delete = DeleteVirtualMFADeviceInput { serial_number: serial.clone() };
    assert_eq!(words(cloud.call(DeleteVirtualMFADevice, delete.clone()).await).0, "DeleteConflict");
    let listed = async |status: AssignmentStatusType| {
        let input = ListVirtualMFADevicesInput {
            assignment_status: Some(status),
            ..ListVirtualMFADevicesInput::default()
        };
        cloud.call(ListVirtualMFADevices, input).await.unwrap().virtual_mfa_devices
    };
    let assigned = listed(AssignmentStatusType::Assigned).await;
    assert_eq!(assigned[0].user.as_ref().unwrap().user_name, "bob");
    assert_eq!(assigned[0].base32_string_seed, None, "the seed is shown once");
    let deactivate =
        DeactivateMFADeviceInput { user_name: Some("bob".to_owned()), serial_number: serial.clone() };
    cloud.call(DeactivateMFADevice, deactivate.clone()).await.unwrap();
    assert_eq!(words(cloud.call(DeactivateMFADevice, deactivate).await).0, "NoSuchEntity");
    assert_eq!(listed(AssignmentStatusType::Assigned).await, []);
    assert_eq!(listed(AssignmentStatusType::Any).await.len(), 1);
    cloud.call(DeleteVirtualMFADevice, delete.clone()).await.unwrap();
    let (code, message) = words(cloud.call(DeleteVirtualMFADevice, delete).await);
    assert_eq!(code, "NoSuchEntity");
    assert_eq!(message, format!("VirtualMFADevice with serial number {serial} doesn't exist."));
    delete_user(&cloud, "bob").await.unwrap();
}

#[tokio::test]
async fn a_device_has_tags_and_a_name_of_its_own() {
    let cloud = Cloud::new(5).await;
    let (serial, _) = create_device(&cloud, "bob").await;
    let again = CreateVirtualMFADeviceInput {
        virtual_mfa_device_name: "bob".to_owned(),
        ..CreateVirtualMFADeviceInput::default()
    };
    let (code, message) = words(cloud.call(CreateVirtualMFADevice, again).await);
    assert_eq!(code, "EntityAlreadyExists");
    assert_eq!(message, "MFADevice entity at the same path and name already exists.");
    let put = TagMFADeviceInput { serial_number: serial.clone(), tags: vec![tag("a", "1"), tag("b", "2")] };
    cloud.call(TagMFADevice, put).await.unwrap();
    let remove = UntagMFADeviceInput { serial_number: serial.clone(), tag_keys: vec!["A".to_owned()] };
    cloud.call(UntagMFADevice, remove).await.unwrap();
    let input = ListMFADeviceTagsInput { serial_number: serial, ..ListMFADeviceTagsInput::default() };
    assert_eq!(cloud.call(ListMFADeviceTags, input).await.unwrap().tags, [tag("b", "2")]);
}

#[tokio::test]
async fn root_has_a_device_as_well() {
    let cloud = Cloud::new(6).await;
    let (serial, app) = create_device(&cloud, "root-account-mfa-device").await;
    let now = cloud.clock.now();
    let input = EnableMFADeviceInput {
        user_name: "root".to_owned(),
        serial_number: serial.clone(),
        authentication_code1: app.code(now - STEP),
        authentication_code2: app.code(now),
    };
    cloud.call(EnableMFADevice, input).await.unwrap();
    let own = cloud.call(ListMFADevices, ListMFADevicesInput::default()).await.unwrap().mfa_devices;
    assert_eq!(own[0].serial_number, serial);
    let deactivate = DeactivateMFADeviceInput { user_name: None, serial_number: serial };
    cloud.call(DeactivateMFADevice, deactivate).await.unwrap();
}

#[tokio::test]
async fn devices_with_long_paths_are_listed_page_by_page() {
    let cloud = Cloud::new(7).await;
    let path = format!("/{}/", "p".repeat(510));
    let mut serials = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let input = CreateVirtualMFADeviceInput {
            path: Some(path.clone()),
            virtual_mfa_device_name: name.repeat(128),
            tags: None,
        };
        let made = cloud.call(CreateVirtualMFADevice, input).await.unwrap();
        serials.push(made.virtual_mfa_device.serial_number);
    }
    let list = async |marker: Option<String>| {
        let input = ListVirtualMFADevicesInput {
            marker,
            max_items: Some(1),
            ..ListVirtualMFADevicesInput::default()
        };
        let page = cloud.call(ListVirtualMFADevices, input).await.unwrap();
        assert!(page.marker.as_ref().is_none_or(|marker| marker.len() <= 320), "{:?}", page.marker);
        (page.virtual_mfa_devices[0].serial_number.clone(), page.marker)
    };
    let mut found = Vec::new();
    let mut markers = vec![None];
    while let Some(marker) = markers.pop() {
        let (serial, next) = list(marker).await;
        found.push(serial);
        markers.extend(next.map(Some));
    }
    assert_eq!(found, serials);
    // Where the device that a page ended with is gone, nothing is missed.
    let (first, next) = list(None).await;
    let delete = DeleteVirtualMFADeviceInput { serial_number: first };
    cloud.call(DeleteVirtualMFADevice, delete).await.unwrap();
    assert_eq!(list(next).await.0, serials[1]);
}
