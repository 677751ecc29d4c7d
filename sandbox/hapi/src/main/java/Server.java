import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.config.HapiJpaConfig;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.provider.IJpaSystemProvider;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.jpa.subscription.match.config.SubscriptionProcessorConfig;
import ca.uhn.fhir.jpa.subscription.match.deliver.email.IEmailSender;
import ca.uhn.fhir.jpa.subscription.submit.config.SubscriptionSubmitterConfig;
import ca.uhn.fhir.rest.api.EncodingEnum;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.ServerConnector;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;

/**
 * HAPI FHIR's JPA server for R4 on a port of loopback, with its own defaults.
 *
 * <p>Argument: the port. Prints "ready" once it answers; ends with its standard input, so that it
 * never outlives who started it.
 */
public final class Server {
  @Configuration
  @Import({
    Database.class,
    JpaR4Config.class,
    HapiJpaConfig.class,
    ThreadPoolFactoryConfig.class,
    JpaBatch2Config.class,
    Batch2JobsConfig.class,
    SubscriptionSubmitterConfig.class,
    SubscriptionProcessorConfig.class,
    SubscriptionChannelConfig.class
  })
  public static class Parts {
    @Bean
    public JpaStorageSettings storageSettings() {
      var settings = new JpaStorageSettings();
      settings.setReuseCachedSearchResultsForMillis(null); // a search sees what is there now
      return settings;
    }

    @Bean
    public SubscriptionSettings subscriptionSettings() {
      return new SubscriptionSettings(); // none is on
    }

    @Bean
    public PartitionSettings partitionSettings() {
      return new PartitionSettings();
    }

    @Bean
    public IEmailSender emailSender() {
      return details -> {
        throw new UnsupportedOperationException("no mail goes out from here");
      };
    }
  }

  public static void main(String[] port) throws Exception {
    var parts = new AnnotationConfigApplicationContext(Parts.class);
    var jetty = new org.eclipse.jetty.server.Server();
    var connector = new ServerConnector(jetty);
    connector.setHost("127.0.0.1");
    connector.setPort(Integer.parseInt(port[0]));
    jetty.addConnector(connector);
    var handler = new ServletContextHandler("/");
    handler.addServlet(new ServletHolder(fhir(parts)), "/fhir/*");
    jetty.setHandler(handler);
    jetty.start();
    System.out.println("ready");
    while (System.in.read() >= 0) {
      continue;
    }
    System.exit(0);
  }

  private static RestfulServer fhir(ApplicationContext parts) {
    var server = new RestfulServer(parts.getBean(FhirContext.class));
    server.registerProviders(parts.getBean(ResourceProviderFactory.class).createProviders());
    server.registerProvider(parts.getBean(IJpaSystemProvider.class));
    server.setServerConformanceProvider(
        new JpaCapabilityStatementProvider(
            server,
            parts.getBean(IFhirSystemDao.class),
            parts.getBean(JpaStorageSettings.class),
            parts.getBean(ISearchParamRegistry.class),
            parts.getBean(IValidationSupport.class)));
    server.setDefaultResponseEncoding(EncodingEnum.JSON);
    server.setPagingProvider(parts.getBean(DatabaseBackedPagingProvider.class));
    return server;
  }
}
