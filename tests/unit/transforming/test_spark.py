"""How a Spark session is set, without starting one."""

import shlex

import pytest

from dagster_project.settings import load_settings
from dagster_project.transforming import spark
from dagster_project.transforming.spark import SparkError, require_spark, spark_options


def settings_with(tmp_path, **environment):
    return load_settings({"WAREHOUSE_HOME": str(tmp_path), "DBT_TARGET": "spark", **environment})


def test_everything_of_the_session_lies_under_the_home(tmp_path):
    options = spark_options(settings_with(tmp_path))
    places = ("spark.sql.warehouse.dir", "spark.hadoop.javax.jdo.option.ConnectionURL", "spark.local.dir")
    assert all(str(tmp_path) in options[place] for place in places)


def test_a_home_with_a_space_is_one_option_of_java(tmp_path):
    home = tmp_path / 'it\'s "my" home'
    option = spark_options(settings_with(home))["spark.driver.extraJavaOptions"]
    assert shlex.split(option) == [f"-Dderby.stream.error.file={home / 'spark' / 'derby.log'}"]


def test_a_memory_limit_is_that_of_java(tmp_path):
    assert spark_options(settings_with(tmp_path, MEMORY_LIMIT="3GB"))["spark.driver.memory"] == "3g"
    assert spark_options(settings_with(tmp_path, MEMORY_LIMIT="700MB"))["spark.driver.memory"] == "700m"
    share = spark_options(settings_with(tmp_path))["spark.driver.memory"]
    assert int(share.removesuffix("m")) > 100


def test_an_overflow_is_an_error(tmp_path):
    assert spark_options(settings_with(tmp_path))["spark.sql.ansi.enabled"] == "true"


def test_sizes_of_a_cluster_are_its_own(tmp_path):
    options = spark_options(settings_with(tmp_path, SPARK_MASTER="spark://head:7077"))
    assert options["spark.master"] == "spark://head:7077"
    own = {"spark.driver.memory", "spark.driver.host", "spark.sql.shuffle.partitions", "spark.local.dir"}
    own |= {"spark.sql.adaptive.coalescePartitions.initialPartitionNum"}
    assert own.isdisjoint(options)


def test_without_spark_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(spark, "find_spec", lambda _name: None)
    with pytest.raises(SparkError, match="make run DBT_TARGET=spark"):
        require_spark()
