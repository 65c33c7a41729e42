package dev.berth.sandbox;

/** Plugins of pods that Berth's own shim runs. */
class BerthShimPluginsTest extends PluginsContract {
  @Override
  String handler() {
    return "berth";
  }
}
