"""Loads the classes of Spark and Delta that every job loads, so that the JVM can archive them when it ends.

`scripts/setup` runs it once with -XX:ArchiveClassesAtExit: a third of what a job costs in a new JVM is reading and
checking these classes. It reads no data of the platform.
"""

from __future__ import annotations

import sys
from pathlib import Path

from delta.tables import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F


def load_classes(spark: SparkSession, folder: Path) -> None:
    """Write, read, join, change and vacuum small tables of made-up numbers below a new folder."""
    numbers = spark.range(2000).withColumn("part", (F.col("id") % 3).cast("int"))
    texts = numbers.select(
        "part", F.concat_ws(";", F.col("id").cast("string"), F.sha2(F.col("id").cast("string"), 256))
    )
    texts.write.partitionBy("part").text(str(folder / "texts"))
    lines = spark.read.text(str(folder / "texts"), wholetext=False).where(F.length("value") > 0)
    values = lines.select(F.split("value", ";").alias("cells")).select(F.col("cells")[0].try_cast("int").alias("id"))
    table = str(folder / "table")
    key = (F.col("id") % 4).alias("id")
    counted = values.groupBy(key).agg(F.max("id").alias("most"), F.count_if(F.col("id") > 5).alias("n"))
    counted.repartition(2, "id").sortWithinPartitions("id").write.format("delta").partitionBy("id").save(table)
    rows = spark.read.format("delta").load(table)
    keys = spark.createDataFrame(numbers.limit(9).toArrow())
    joined = rows.join(F.broadcast(keys), "id", "left").join(numbers.hint("shuffle_hash"), "id", "left_anti").persist()
    joined.unionByName(
        rows.join(keys, "id", "left_semi").withColumn("part", F.lit(1)), allowMissingColumns=True
    ).distinct().toArrow()
    DeltaTable.forPath(spark, table).alias("t").merge(keys.alias("s"), "t.id = s.id").whenMatchedDelete().execute()
    joined.unpersist()


if __name__ == "__main__":
    load_classes(SparkSession.builder.appName("classes").getOrCreate(), Path(sys.argv[1]))
