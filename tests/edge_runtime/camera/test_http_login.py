import pytest
from edgecls.edge_runtime.camera.http_login import Login, authorization

MUFASA = Login("Mufasa", "Circle of Life")
REALM = 'realm="http-auth@example.org", qop="auth, auth-int", '
OPAQUE = 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
NONCES = f'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", {OPAQUE}'
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
MD5 = f"Digest {REALM}algorithm=MD5, {NONCES}"
SHA_256 = f"Digest {REALM}algorithm=SHA-256, {NONCES}"
BASIC = 'Basic realm="camera"'


@pytest.mark.parametrize(
    ("url", "login"),
    [
        ("http://camera/", None),
        ("http://admin:secret@camera:8080/", Login("admin", "secret")),
        ("http://admin@camera/", Login("admin", "")),
        ("http://ad%40min:p%2Fss%3A@camera/", Login("ad@min", "p/ss:")),
        ("http://admin:p@ss@camera/", Login("admin", "p@ss")),
    ],
)
def test_the_user_and_password_stand_in_the_address(url, login):
    assert Login.of(url) == login


@pytest.mark.parametrize(
    ("challenge", "response"),
    [
        (MD5, "8ca523f5e9506fed4657c9700eebdbec"),
        (SHA_256, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_digest_is_as_in_the_example_of_rfc_7616(challenge, response):
    header = authorization([challenge], MUFASA, "/dir/index.html", CNONCE)

    assert header.startswith('Digest username="Mufasa", realm="http-auth@example.org", ')
    for part in (f'response="{response}"', 'uri="/dir/index.html"', "nc=00000001", "qop=auth"):
        assert part in header
    assert OPAQUE in header


def test_digest_without_qop_is_that_of_old_cameras():
    """The arithmetic of RFC 2069, whose own example has a wrong result: see its erratum 749."""
    challenge = (
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    header = authorization([challenge], Login("Mufasa", "CircleOfLife"), "/dir/index.html")

    assert 'response="1949323746fe6a43ef61f9606e7febea"' in header
    assert "qop" not in header


def test_basic_is_the_password_in_base64():
    assert (
        authorization([BASIC], Login("Aladdin", "open sesame"), "/") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    )


@pytest.mark.parametrize(
    "challenges", [[BASIC, MD5], [MD5, BASIC], [f"{BASIC}, {MD5}"], [f"{MD5}, {BASIC}"], ["Negotiate", MD5]]
)
def test_the_password_itself_is_sent_only_where_there_is_no_digest(challenges):
    header = authorization(challenges, MUFASA, "/dir/index.html", CNONCE)

    assert 'response="8ca523f5e9506fed4657c9700eebdbec"' in header


def test_a_digest_that_is_not_known_is_passed_over():
    unknown = SHA_256.replace("SHA-256", "SHA-512-256")

    assert "8ca523f5e9506fed4657c9700eebdbec" in authorization(
        [unknown, MD5], MUFASA, "/dir/index.html", CNONCE
    )
    assert authorization([unknown], MUFASA, "/") is None


@pytest.mark.parametrize("challenges", [[], ["Bearer"], ["Digest"], [""]])
def test_without_a_challenge_that_is_known_there_is_no_answer(challenges):
    assert authorization(challenges, MUFASA, "/") is None
