/**
 * The values of the OCI image and distribution specifications: names, digests, descriptors,
 * manifests, indexes and configurations.
 *
 * <p>Everything here comes from a registry or from a user and is checked on the way in: a digest
 * becomes a path, a reference becomes a URL. Documents are digested over their raw bytes before
 * they are parsed, and their media type, their {@code mediaType} field and their shape must agree
 * (rule R19).
 */
@NullMarked
package dev.berth.image.oci;

import org.jspecify.annotations.NullMarked;
