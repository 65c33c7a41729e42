package dev.berth.image;

import dev.berth.image.oci.Digest;
import dev.berth.image.oci.Manifest;

/**
 * The manifest of an image that is present.
 *
 * @param raw as it came; never changed
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
record StoredManifest(Digest digest, byte[] raw, Manifest manifest) {}
