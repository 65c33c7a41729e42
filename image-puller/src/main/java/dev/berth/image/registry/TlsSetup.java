package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.apache.hc.client5.http.ssl.DefaultClientTlsStrategy;
import org.apache.hc.client5.http.ssl.HttpsSupport;
import org.apache.hc.client5.http.ssl.NoopHostnameVerifier;
import org.apache.hc.core5.ssl.SSLContextBuilder;
import org.apache.hc.core5.ssl.SSLContexts;

/** Turns the TLS settings of a host into what the HTTP library wants. */
final class TlsSetup {
  /** Of a key store that exists in memory alone. */
  private static final char[] NO_PASSWORD = {};

  private TlsSetup() {}

  /**
   * Reads the files of the settings.
   *
   * @throws BerthException INVALID_ARGUMENT naming the file that cannot be read or is not what it
   *     should be
   */
  static DefaultClientTlsStrategy of(Endpoint.Tls tls) {
    if (tls.equals(Endpoint.Tls.DEFAULT)) {
      return DefaultClientTlsStrategy.createSystemDefault();
    }
    try {
      SSLContextBuilder context = SSLContexts.custom();
      if (tls.skipVerify()) {
        context.loadTrustMaterial(null, (_, _) -> true);
      } else {
        context.loadTrustMaterial(trustStore(tls), null);
      }
      if (!tls.clients().isEmpty()) {
        context.loadKeyMaterial(keyStore(tls), NO_PASSWORD);
      }
      SSLContext made = context.build();
      return new DefaultClientTlsStrategy(
          made,
          tls.skipVerify()
              ? NoopHostnameVerifier.INSTANCE
              : HttpsSupport.getDefaultHostnameVerifier());
    } catch (NoSuchFileException e) {
      throw new BerthException(INVALID_ARGUMENT, "cannot set up TLS: no file " + e.getFile(), e);
    } catch (IOException | GeneralSecurityException e) {
      throw new BerthException(INVALID_ARGUMENT, "cannot set up TLS: " + e.getMessage(), e);
    }
  }

  /** The machine's own authorities and those of the configuration: one manager must know all. */
  private static KeyStore trustStore(Endpoint.Tls tls)
      throws IOException, GeneralSecurityException {
    List<Certificate> trusted = new ArrayList<>(machineAuthorities());
    for (var file : tls.authorities()) {
      trusted.addAll(PemFiles.certificates(file));
    }
    KeyStore store = empty();
    for (int i = 0; i < trusted.size(); i++) {
      store.setCertificateEntry("authority-" + i, trusted.get(i));
    }
    return store;
  }

  private static List<Certificate> machineAuthorities() throws GeneralSecurityException {
    var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init((KeyStore) null);
    return Arrays.stream(factory.getTrustManagers())
        .filter(X509TrustManager.class::isInstance)
        .flatMap(manager -> Arrays.stream(((X509TrustManager) manager).getAcceptedIssuers()))
        .map(Certificate.class::cast)
        .toList();
  }

  private static KeyStore keyStore(Endpoint.Tls tls) throws IOException, GeneralSecurityException {
    KeyStore store = empty();
    for (Endpoint.ClientKey client : tls.clients()) {
      PrivateKey key = PemFiles.privateKey(client.key());
      Certificate[] chain = PemFiles.certificates(client.certificate()).toArray(Certificate[]::new);
      store.setKeyEntry("client-" + store.size(), key, NO_PASSWORD, chain);
    }
    return store;
  }

  private static KeyStore empty() throws IOException, GeneralSecurityException {
    KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null, null);
    return store;
  }
}
