/*
 * A switch between network namespaces whose links have a rate, a delay and a loss, for kernels without netem: packets are
 * read from a TUN device in each namespace, held until they would have arrived, and written to the one that they are for.
 *
 *     link-relay BITS_PER_SECOND DELAY_NANOSECONDS LOSS SEED NAMESPACE=ADDRESS ...
 *
 * A rate of 0 is none; LOSS is the share of packets that are lost. Each host sends and receives at the rate at the same
 * time. Says "ready" once the devices (`link0`) are there. Reads "cut N" and "join N" (from 1): a host that is cut off
 * neither sends nor receives, and its device stays up, as with a cable that is pulled behind the next switch. Ends, and its
 * devices with it, at the end of its input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MAXIMUM_HOSTS 64
#define MAXIMUM_PACKET 65536
/* Bytes that wait for one host; what comes on top is lost, as in a switch. */
#define MAXIMUM_QUEUE (16 << 20)

typedef struct Packet {
  struct Packet *next;
  int64_t due;
  uint32_t length;
  uint8_t bytes[];
} Packet;

typedef struct {
  int device;
  uint32_t address;
  int cut;
  /* When its link has sent, and brought, everything so far. */
  int64_t sent, received;
  Packet *first, *last;
  int64_t queued;
} Host;

static Host hosts[MAXIMUM_HOSTS];
static int count;
static double nanosecondsPerByte, loss;
static int64_t delay;
static uint64_t randomState;

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* Uniform in [0, 1) (xorshift64*). */
static double uniform(void) {
  randomState ^= randomState >> 12, randomState ^= randomState << 25, randomState ^= randomState >> 27;
  return (double)((randomState * 2685821657736338717ULL) >> 11) / 9007199254740992.0;
}

static void fail(const char *what) {
  fprintf(stderr, "link-relay: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int openDevice(const char *namespace) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", namespace);
  int space = open(path, O_RDONLY | O_CLOEXEC);
  if (space < 0 || setns(space, CLONE_NEWNET) != 0) fail(path);
  close(space);
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
  strcpy(request.ifr_name, "link0");
  if (device < 0 || ioctl(device, TUNSETIFF, &request) != 0) fail("/dev/net/tun");
  return device;
}

static void take(Host *from, const uint8_t *bytes, uint32_t length) {
  uint32_t address;
  /* IPv4 alone: what the kernel says of itself over IPv6 has nobody to go to. */
  if (length < 20 || bytes[0] >> 4 != 4) return;
  memcpy(&address, bytes + 16, 4);
  for (Host *to = hosts; to < hosts + count; to++) {
    if (to->address != address) continue;
    if (from->cut || to->cut) return;
    int64_t time = now(), takes = (int64_t)(length * nanosecondsPerByte);
    from->sent = (from->sent > time ? from->sent : time) + takes;
    if ((loss > 0 && uniform() < loss) || to->queued + length > MAXIMUM_QUEUE) return;
    int64_t brought = to->received + takes;
    to->received = brought > from->sent ? brought : from->sent;
    Packet *packet = malloc(sizeof *packet + length);
    if (!packet) fail("memory");
    packet->next = NULL, packet->length = length, packet->due = to->received + delay;
    memcpy(packet->bytes, bytes, length);
    if (to->first) to->last->next = packet;
    else to->first = packet;
    to->last = packet, to->queued += length;
    return;
  }
}

/* Hands over what has arrived; gives when the next packet will, or -1. */
static int64_t deliver(void) {
  int64_t next = -1;
  for (Host *to = hosts; to < hosts + count; to++) {
    while (to->first && to->first->due <= now()) {
      Packet *packet = to->first;
      /* What has been on its way when the cable was cut is lost; a device that is down takes nothing. */
      if (!to->cut && write(to->device, packet->bytes, packet->length) < 0 && errno == EAGAIN) break;
      to->first = packet->next, to->queued -= packet->length;
      free(packet);
    }
    if (to->first && (next < 0 || to->first->due < next)) next = to->first->due;
  }
  return next;
}

static void obey(const char *text) {
  char word[8];
  int number;
  while (sscanf(text, "%7s %d", word, &number) == 2) {
    if (number >= 1 && number <= count) hosts[number - 1].cut = word[0] == 'c';
    text = strchr(text, '\n');
    if (!text++) break;
  }
}

int main(int given, char **words) {
  if (given < 6 || given - 5 > MAXIMUM_HOSTS) {
    fprintf(stderr, "link-relay BITS_PER_SECOND DELAY_NANOSECONDS LOSS SEED NAMESPACE=ADDRESS ...\n");
    return 2;
  }
  double rate = atof(words[1]);
  nanosecondsPerByte = rate > 0 ? 8e9 / rate : 0;
  delay = atoll(words[2]), loss = atof(words[3]), randomState = strtoull(words[4], NULL, 10) * 2 + 1;
  for (int index = 5; index < given; index++, count++) {
    char *address = strchr(words[index], '=');
    if (!address || (*address++ = 0, inet_pton(AF_INET, address, &hosts[count].address)) != 1) fail(words[index]);
    hosts[count].device = openDevice(words[index]);
  }
  prctl(PR_SET_TIMERSLACK, 1);
  /* A link does not slow down because processors are busy; where this is not allowed it does. */
  if (setpriority(PRIO_PROCESS, 0, -20) != 0) fprintf(stderr, "link-relay: runs at the common priority\n");
  puts("ready");
  fflush(stdout);
  struct pollfd waits[MAXIMUM_HOSTS + 1];
  for (int index = 0; index < count; index++) waits[index] = (struct pollfd){.fd = hosts[index].device, .events = POLLIN};
  waits[count] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
  static uint8_t bytes[MAXIMUM_PACKET];
  for (;;) {
    int64_t next = deliver();
    int64_t left = next < 0 ? 1000000000LL : next - now();
    if (left < 0) left = 0;
    struct timespec wait = {.tv_sec = left / 1000000000LL, .tv_nsec = left % 1000000000LL};
    if (ppoll(waits, count + 1, &wait, NULL) < 0 && errno != EINTR) fail("poll");
    for (int index = 0; index < count; index++)
      /* In turns: one busy host does not keep the others waiting. */
      for (int burst = 0; burst < 16; burst++) {
        ssize_t length = read(hosts[index].device, bytes, sizeof bytes);
        if (length <= 0) break;
        take(&hosts[index], bytes, (uint32_t)length);
      }
    if (waits[count].revents) {
      char text[256];
      ssize_t length = read(STDIN_FILENO, text, sizeof text - 1);
      if (length <= 0) return 0;
      text[length] = 0;
      obey(text);
    }
  }
}
