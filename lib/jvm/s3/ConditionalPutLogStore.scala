package cohort.delta

import java.io.IOException
import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.FileAlreadyExistsException

import scala.jdk.CollectionConverters._

import io.delta.storage.HadoopFileSystemLogStore
import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{FSDataOutputStream, Path}
import org.apache.hadoop.fs.s3a.RemoteFileChangedException

/** Delta's log on S3A: a version is committed by a PUT with `If-None-Match`, so that of two drivers one makes it.
  *
  * The log store that Delta brings for S3 asks first and writes then, under a lock of its own process: what another
  * driver committed in between is lost. Set as `spark.delta.logStore.s3a.impl`.
  */
class ConditionalPutLogStore(settings: Configuration) extends HadoopFileSystemLogStore(settings) {

  private val conditionalCreate = "fs.option.create.conditional.overwrite"

  /** Writes a file of the log; without `overwrite` it raises FileAlreadyExistsException where another one was first. */
  override def write(
      path: Path,
      actions: java.util.Iterator[String],
      overwrite: java.lang.Boolean,
      settings: Configuration): Unit = {
    val content = actions.asScala.map(_ + "\n").mkString.getBytes(UTF_8)
    val system = path.getFileSystem(settings)
    if (overwrite) {
      put(system.create(path, true), content)
    } else {
      try {
        put(system.createFile(path).must(conditionalCreate, true).build(), content)
      } catch {
        case refused: IOException if wasThere(refused) =>
          if (!isOwnCommit(path, content, settings)) throw new FileAlreadyExistsException(path.toString)
      }
    }
  }

  override def isPartialWriteVisible(path: Path, settings: Configuration): java.lang.Boolean = false

  private def put(stream: FSDataOutputStream, content: Array[Byte]): Unit = {
    stream.write(content)
    stream.close()
  }

  /** Whether the store said that a file is there (412), also as the cause of another error. */
  private def wasThere(error: Throwable): Boolean =
    Iterator.iterate(error)(_.getCause).takeWhile(_ != null).exists {
      case _: org.apache.hadoop.fs.FileAlreadyExistsException | _: RemoteFileChangedException => true
      case other => String.valueOf(other.getMessage).contains("Status Code: 412")
    }

  /** Whether what is there is this very commit, whose answer was lost and which the client sent again.
    *
    * Every commit names a transaction of its own (`txnId`), so that no other one has the same content.
    */
  private def isOwnCommit(path: Path, content: Array[Byte], settings: Configuration): Boolean =
    new String(content, UTF_8).contains("\"txnId\":") && {
      val stream = path.getFileSystem(settings).open(path)
      try java.util.Arrays.equals(stream.readAllBytes(), content)
      finally stream.close()
    }
}
