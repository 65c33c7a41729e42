package dev.berth.e2e;

import dev.berth.proto.cri.v1.ImageServiceGrpc.ImageServiceBlockingStub;
import dev.berth.proto.cri.v1.RuntimeServiceGrpc.RuntimeServiceBlockingStub;
import java.nio.file.Path;

/** Who serves CRI to a test. */
interface CriServer {
  /** Returns a stub whose deadline begins now. */
  RuntimeServiceBlockingStub runtime();

  /** Returns a stub whose deadline begins now. */
  ImageServiceBlockingStub images();

  /** Returns where the logs of pods go. */
  Path logDirectory();
}
