/** Registries, images and helpers for the tests of this module. */
package dev.berth.image.testing;
