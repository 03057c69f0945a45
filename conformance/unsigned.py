"""Requests that nobody signed, as browsers and curl send them."""

import urllib3

_pool = urllib3.PoolManager(retries=False)


class Answer:
    def __init__(self, answer):
        self.status_code = answer.status
        self.content = answer.data
        self.headers = answer.headers

    @property
    def text(self):
        return self.content.decode()


def get(url):
    return Answer(_pool.request("GET", url, timeout=10))


def put(url, body):
    return Answer(_pool.request("PUT", url, body=body, timeout=10))
