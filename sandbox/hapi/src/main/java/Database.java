import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirPostgresDialect;
import jakarta.persistence.EntityManagerFactory;
import java.util.Properties;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Primary;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;

/** Where HAPI keeps its resources: H2 in memory, or the database of the property peer.jdbc. */
@Configuration
public class Database {
  private static final String URL =
      System.getProperty("peer.jdbc", "jdbc:h2:mem:hapi;DB_CLOSE_DELAY=-1");

  private static boolean isPostgres() {
    return URL.startsWith("jdbc:postgresql:");
  }

  @Bean(destroyMethod = "close")
  public DataSource dataSource() {
    var source = new BasicDataSource();
    source.setUrl(URL);
    source.setUsername(System.getProperty("peer.jdbc.user", "sa"));
    source.setPassword(System.getProperty("peer.jdbc.password", ""));
    source.setMaxTotal(30);
    return source;
  }

  @Primary
  @Bean
  public LocalContainerEntityManagerFactoryBean entityManagerFactory(
      DataSource source,
      ConfigurableListableBeanFactory beans,
      FhirContext context,
      JpaStorageSettings settings) {
    var factory =
        HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, context, settings);
    factory.setPersistenceUnitName("HAPI_PU");
    factory.setDataSource(source);
    var properties = new Properties();
    Class<?> dialect = isPostgres() ? HapiFhirPostgresDialect.class : HapiFhirH2Dialect.class;
    properties.put("hibernate.dialect", dialect.getName());
    properties.put("hibernate.hbm2ddl.auto", "update");
    properties.put("hibernate.jdbc.batch_size", "20");
    properties.put("hibernate.search.enabled", "false");
    factory.setJpaProperties(properties);
    return factory;
  }

  @Primary
  @Bean
  public JpaTransactionManager transactionManager(EntityManagerFactory factory) {
    return new JpaTransactionManager(factory);
  }
}
