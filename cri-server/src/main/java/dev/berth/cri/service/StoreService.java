package dev.berth.cri.service;

import static dev.berth.cri.service.Requests.required;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.cri.rpc.ServiceAssembly;
import dev.berth.image.ArchiveFormat;
import dev.berth.image.Images;
import dev.berth.image.StoreItem;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.proto.berth.v1.CollectGarbageRequest;
import dev.berth.proto.berth.v1.CollectGarbageResponse;
import dev.berth.proto.berth.v1.ExplainRegistryRequest;
import dev.berth.proto.berth.v1.ExplainRegistryResponse;
import dev.berth.proto.berth.v1.Item;
import dev.berth.proto.berth.v1.LoadImagesRequest;
import dev.berth.proto.berth.v1.LoadImagesResponse;
import dev.berth.proto.berth.v1.Part;
import dev.berth.proto.berth.v1.PushImageRequest;
import dev.berth.proto.berth.v1.PushImageResponse;
import dev.berth.proto.berth.v1.RegistryLogin;
import dev.berth.proto.berth.v1.SaveImagesRequest;
import dev.berth.proto.berth.v1.SaveImagesResponse;
import dev.berth.proto.berth.v1.StoreGrpc;
import dev.berth.proto.berth.v1.TagImageRequest;
import dev.berth.proto.berth.v1.TagImageResponse;
import dev.berth.proto.berth.v1.VerifyImagesRequest;
import dev.berth.proto.berth.v1.VerifyImagesResponse;
import io.grpc.ServerServiceDefinition;
import java.nio.file.Path;
import java.util.List;

/** Berth's own service beside CRI: what an administrator does to the image store. */
public final class StoreService {
  private final Images images;

  /** Makes the service; it does not own the images. */
  public StoreService(Images images) {
    this.images = images;
  }

  /** Returns the service for the server. */
  public ServerServiceDefinition definition() {
    return ServiceAssembly.of(StoreGrpc.getServiceDescriptor())
        .listed(
            StoreGrpc.getVerifyImagesMethod(),
            this::verify,
            parts -> VerifyImagesResponse.newBuilder().addAllParts(parts).build())
        .listed(
            StoreGrpc.getCollectGarbageMethod(),
            this::collectGarbage,
            items -> CollectGarbageResponse.newBuilder().addAllItems(items).build())
        .unary(StoreGrpc.getTagImageMethod(), this::tag)
        .unary(StoreGrpc.getSaveImagesMethod(), this::save)
        .unary(StoreGrpc.getLoadImagesMethod(), this::load)
        .unary(StoreGrpc.getPushImageMethod(), this::push)
        .unary(StoreGrpc.getExplainRegistryMethod(), this::explain)
        .build();
  }

  private List<Part> verify(VerifyImagesRequest request, Operation operation) {
    return images.verify(request.getImage(), operation).stream().map(StoreMessages::part).toList();
  }

  private List<Item> collectGarbage(CollectGarbageRequest request, Operation operation) {
    List<StoreItem> items =
        request.getExplain()
            ? images.inventory()
            : images.inventory().stream().filter(StoreItem::isGarbage).toList();
    if (!request.getDryRun()) {
      List<StoreItem> deleted = images.collectGarbage(operation);
      items = request.getExplain() ? items : deleted;
    }
    return items.stream().map(StoreMessages::item).toList();
  }

  private TagImageResponse tag(TagImageRequest request, Operation operation) {
    required("image", !request.getImage().isEmpty());
    images.tag(request.getImage(), reference("name", request.getName()));
    return TagImageResponse.getDefaultInstance();
  }

  private SaveImagesResponse save(SaveImagesRequest request, Operation operation) {
    required("images", request.getImagesCount() > 0);
    images
        .transfers()
        .save(
            request.getImagesList(),
            path(request.getPath()),
            format(request.getFormat()),
            credentials(request.getLogin()),
            operation);
    return SaveImagesResponse.getDefaultInstance();
  }

  private static ArchiveFormat format(String text) {
    return switch (text) {
      case "oci-dir" -> ArchiveFormat.OCI_DIRECTORY;
      case "oci-archive" -> ArchiveFormat.OCI_ARCHIVE;
      case "docker-archive" -> ArchiveFormat.DOCKER_ARCHIVE;
      default ->
          throw new BerthException(
              BerthException.Kind.INVALID_ARGUMENT,
              "format must be oci-dir, oci-archive or docker-archive");
    };
  }

  private static Path path(String text) {
    required("path", text.startsWith("/") && text.indexOf('\0') < 0 && text.length() > 1);
    return Path.of(text).normalize();
  }

  private LoadImagesResponse load(LoadImagesRequest request, Operation operation) {
    var reply = LoadImagesResponse.newBuilder();
    images
        .transfers()
        .load(path(request.getPath()), operation)
        .forEach(image -> reply.addImages(StoreMessages.loaded(image)));
    return reply.build();
  }

  private PushImageResponse push(PushImageRequest request, Operation operation) {
    required("image", !request.getImage().isEmpty());
    String name = request.getTarget().isEmpty() ? request.getImage() : request.getTarget();
    ImageReference target = reference("target", name);
    long sent =
        images
            .transfers()
            .push(request.getImage(), target, credentials(request.getLogin()), operation);
    return PushImageResponse.newBuilder().setTarget(target.toString()).setSentBytes(sent).build();
  }

  private ExplainRegistryResponse explain(ExplainRegistryRequest request, Operation operation) {
    var reply = ExplainRegistryResponse.newBuilder();
    ImageReference reference = reference("image", request.getImage());
    images
        .transfers()
        .explain(reference, credentials(request.getLogin()), operation)
        .forEach(host -> reply.addHosts(StoreMessages.host(host)));
    return reply.build();
  }

  private static Credentials credentials(RegistryLogin login) {
    return login.getUsername().isEmpty()
        ? Credentials.none()
        : Credentials.basic(login.getUsername(), login.getPassword());
  }

  private static ImageReference reference(String field, String name) {
    try {
      return ImageReference.parse(name);
    } catch (BerthException e) {
      throw e.during(field);
    }
  }
}
