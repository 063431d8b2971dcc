package cohort.delta

import java.io.IOException
import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.FileAlreadyExistsException

import scala.annotation.tailrec
import scala.jdk.CollectionConverters._

import io.delta.storage.HadoopFileSystemLogStore
import org.apache.hadoop.conf.Configuration
import org.apache.hadoop.fs.{FSDataOutputStream, Path}
import software.amazon.awssdk.services.s3.model.S3Exception

/** Delta's log on S3A: a version is committed by a PUT with `If-None-Match`, so that of two drivers one makes it.
  *
  * The log store that Delta brings for S3 asks first and writes then, under a lock of its own process: what another
  * driver committed in between is lost. Set as `spark.delta.logStore.s3a.impl`.
  */
class ConditionalPutLogStore(settings: Configuration) extends HadoopFileSystemLogStore(settings) {

  private val conditionalCreate = "fs.option.create.conditional.overwrite"
  private val committed = 200
  private val busy = 409
  private val exists = 412
  private val tries = 20
  private val pauseMilliseconds = 50L

  /** Writes a file of the log; without `overwrite` it raises FileAlreadyExistsException where another one was first. */
  override def write(
      path: Path,
      actions: java.util.Iterator[String],
      overwrite: java.lang.Boolean,
      settings: Configuration): Unit = {
    val content = actions.asScala.map(_ + "\n").mkString.getBytes(UTF_8)
    if (overwrite) {
      put(path.getFileSystem(settings).create(path, true), content)
    } else {
      commit(path, content, settings, tries)
    }
  }

  @tailrec
  private def commit(path: Path, content: Array[Byte], settings: Configuration, triesLeft: Int): Unit = {
    val answer = try {
      put(path.getFileSystem(settings).createFile(path).must(conditionalCreate, true).build(), content)
      committed
    } catch {
      case refused: IOException => statusOf(refused).filter(status => status == exists || status == busy).getOrElse(throw refused)
    }
    if (answer == exists && !isOwnCommit(path, content, settings)) {
      throw new FileAlreadyExistsException(path.toString)
    }
    if (answer == busy) { // another one is writing it at this moment
      if (triesLeft == 0) throw new IOException("the store is busy with another write of this version")
      Thread.sleep(pauseMilliseconds)
      commit(path, content, settings, triesLeft - 1)
    }
  }

  override def isPartialWriteVisible(path: Path, settings: Configuration): java.lang.Boolean = false

  private def put(stream: FSDataOutputStream, content: Array[Byte]): Unit = {
    stream.write(content)
    stream.close()
  }

  /** The status of HTTP that the store answered with; S3A keeps the answer of Amazon's client as a cause. */
  private def statusOf(error: Throwable): Option[Int] =
    Iterator.iterate(error)(_.getCause).takeWhile(_ != null).collectFirst {
      case answer: S3Exception => answer.statusCode
      case _: org.apache.hadoop.fs.FileAlreadyExistsException => exists
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
