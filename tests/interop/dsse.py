"""DSSE by securesystemslib, an implementation that shares no code with ours.

  dsse.py sign PAYLOAD_TYPE PAYLOAD KEY.pem...   prints an envelope around the file PAYLOAD
  dsse.py verify TRUST.json ENVELOPE ROLE...     prints the payload that enough keys of each role have signed

Fails with one line on standard error. Keys are named as Sekisho names them: by the SHA-256 of their
32 bytes.
"""

import hashlib
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey


def public_key(raw: bytes) -> SSlibKey:
    keyid = hashlib.sha256(raw).hexdigest()
    return SSlibKey(keyid, "ed25519", "ed25519", {"public": raw.hex()})


def sign(payload_type: str, payload: str, *keys: str) -> None:
    envelope = Envelope(Path(payload).read_bytes(), payload_type, {})
    for path in keys:
        private = load_pem_private_key(Path(path).read_bytes(), password=None)
        public = public_key(private.public_key().public_bytes_raw())
        envelope.sign(CryptoSigner(private, public))
    print(json.dumps(envelope.to_dict()))


def verify(trust: str, envelope: str, *roles: str) -> None:
    trusted = json.loads(Path(trust).read_text(encoding="utf-8"))
    signed = Envelope.from_dict(json.loads(Path(envelope).read_text(encoding="utf-8")))
    for role in roles:
        named = trusted["roles"][role]
        keys = [public_key(bytes.fromhex(trusted["keys"][keyid]["ed25519"])) for keyid in named["keyids"]]
        try:
            signed.verify(keys, named["threshold"])
        except VerificationError as error:
            sys.exit(f"dsse.py: {error}")
    sys.stdout.buffer.write(signed.payload)


if __name__ == "__main__":
    {"sign": sign, "verify": verify}[sys.argv[1]](*sys.argv[2:])
