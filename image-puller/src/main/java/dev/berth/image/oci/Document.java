package dev.berth.image.oci;

/** What a manifest URL can answer: a manifest or an index of manifests. */
public sealed interface Document permits Manifest, Index {}
