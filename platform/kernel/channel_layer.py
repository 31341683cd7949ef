"""The channel layer of the websockets: groups over Valkey's pub/sub, with queues that end with the socket.

channels_redis subscribes Valkey to a channel for each socket, and ends that only where the task that waits for its next
message is canceled while it waits. A socket that ends while a message is on its way (it dropped under traffic, or
sending failed) leaves queue, group membership and subscription behind. Here a socket's queue is in this process alone,
Valkey knows only the groups, and `close_channel` ends everything whatever the state of the socket.
"""

import asyncio
import uuid
from typing import Any

import structlog
from channels_redis.core import BoundedQueue
from channels_redis.pubsub import RedisPubSubChannelLayer, RedisPubSubLoopLayer
from channels_redis.utils import _wrap_close

logger = structlog.get_logger(__name__)

# A socket that reads so slowly that more messages wait loses the oldest; it sees the gap and sends a new snapshot.
MAX_WAITING = 100


class GroupChannelLayer(RedisPubSubChannelLayer):  # type: ignore[misc]  # channels_redis has no types
    """Channels live in this process and receive messages through groups alone, not by sending to the channel."""

    def _get_layer(self) -> "GroupLoopLayer":
        loop = asyncio.get_running_loop()
        if loop not in self._layers:
            self._layers[loop] = GroupLoopLayer(*self._args, **self._kwargs, channel_layer=self)
            _wrap_close(self, loop)  # closes the connections with the loop
        layer: GroupLoopLayer = self._layers[loop]
        return layer

    async def close_channel(self, channel: str) -> None:
        """End a channel for good: its queue, its groups, and Valkey's subscription to groups that nobody else is in."""
        await self._get_layer().close_channel(channel)


class GroupLoopLayer(RedisPubSubLoopLayer):  # type: ignore[misc]  # as above
    async def new_channel(self, prefix: str = "specific.") -> str:
        channel = f"{self.prefix}{prefix}{uuid.uuid4().hex}"
        self.channels[channel] = BoundedQueue(MAX_WAITING)
        return channel

    async def receive(self, channel: str) -> Any:
        return self.channel_layer.deserialize(await self.channels[channel].get())

    async def close_channel(self, channel: str) -> None:
        self.channels.pop(channel, None)
        for name in [name for name, members in self.groups.items() if channel in members]:
            self.groups[name].discard(channel)
            if not self.groups[name]:
                del self.groups[name]
        await self._unsubscribe_unused()

    async def _unsubscribe_unused(self) -> None:
        """Also ends subscriptions that an earlier call could not end, because Valkey was away."""
        for shard in self._shards:
            for name in list(shard._subscribed_to):
                # Checked without an await before the call: a group_add that comes later waits for the lock behind it.
                if name not in self.groups:
                    try:
                        await shard.unsubscribe(name)
                    except Exception as error:  # the driver has its own exceptions; the next closing socket retries
                        logger.warning("could not unsubscribe", group=name, error=type(error).__name__)
