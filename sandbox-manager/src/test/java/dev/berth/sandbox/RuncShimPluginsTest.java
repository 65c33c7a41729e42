package dev.berth.sandbox;

/** Plugins of pods that containerd's shim and runc run. */
class RuncShimPluginsTest extends PluginsContract {
  @Override
  String handler() {
    return "runc";
  }
}
