/* SPDX-License-Identifier: BSD-2-Clause
 *
 * malloc(9), and what moves bytes between the kernel, the caller and a process.
 */
#include "image.h"

struct malloc_type M_TEMP[1] = {{"temp"}}, M_PROC[1] = {{"proc"}};

void* shim_malloc(u_long size, struct malloc_type* type, int flags) {
  enum { GUARD = 16 };
  if (flags & M_WAITOK) pr_sleeps("malloc(M_WAITOK)");
  if ((flags & (M_WAITOK | M_NOWAIT)) == 0) complain("malloc() with neither M_WAITOK nor M_NOWAIT");
  u_long room = (size + 15) & ~15UL;
  if (size > sizeof pr_call->arena || pr_call->arena_used + room + GUARD > sizeof pr_call->arena)
    complain("malloc(%lu): more than any request needs", size);
  int i = 0;
  while (i < (int)nitems(pr_call->allocation) && pr_call->allocation[i].bytes != NULL) i++;
  if (i == (int)nitems(pr_call->allocation)) complain("malloc() called %d times without free()", i + 1);
  unsigned char* bytes = pr_call->arena + pr_call->arena_used;
  pr_call->arena_used += room + GUARD;
  pr_call->allocation[i].bytes = bytes;
  pr_call->allocation[i].size = size;
  pr_call->allocations++;
  memset(bytes, flags & M_ZERO ? 0 : pr_unset < 0 ? 0xfe : pr_unset, size);
  memset(bytes + size, POISON, room - size + GUARD);
  return bytes;
}
void shim_free(void* at, struct malloc_type* type) {
  if (at == NULL) return;
  for (int i = 0; i < (int)nitems(pr_call->allocation); i++) {
    if (pr_call->allocation[i].bytes != at) continue;
    u_long size = pr_call->allocation[i].size;
    for (int k = 0; k < 16; k++)
      if (pr_call->allocation[i].bytes[size + k] != POISON)
        complain("written beyond the %lu bytes of a malloc()", size);
    memset(at, POISON, size);
    pr_call->allocation[i].bytes = NULL;
    pr_call->allocations--;
    return;
  }
  complain("free() of what was not allocated, or twice");
}

/* ---- the caller ---- */

static int in_user(const void* at, size_t size) {
  u_long offset = (u_long)at - (u_long)pr_call->user;
  return offset <= USER_SIZE && size <= USER_SIZE - offset;
}
static void note_user_write(const void* at, size_t size) {
  if (size == 0) return;
  if (pr_call->spans == (int)nitems(pr_call->span)) complain("copyout() called %d times", pr_call->spans + 1);
  pr_call->span[pr_call->spans++] = (struct span){(unsigned char*)at - pr_call->user, size};
}
int copyin(const void* uaddr, void* kaddr, size_t size) {
  pr_sleeps("copyin");
  if (pr_host->open(PR_OPEN_COPYIN) != 0 || !in_user(uaddr, size)) return EFAULT;
  memcpy(kaddr, uaddr, size);
  return 0;
}
int copyout(const void* kaddr, void* uaddr, size_t size) {
  pr_sleeps("copyout");
  if (pr_host->open(PR_OPEN_COPYOUT) != 0 || !in_user(uaddr, size)) return EFAULT;
  memcpy(uaddr, kaddr, size);
  note_user_write(uaddr, size);
  return 0;
}

/* ---- processes ---- */

int pr_memory_answer(void) {
  if (pr_call->memory < 0) {
    pr_call->memory = pr_host->open(PR_OPEN_MEMORY);
    if (PROCTOR_2003 && pr_call->memory == 1) pr_call->fault_at = pr_host->dice(3);
  }
  return pr_call->memory;
}

static int transfer(struct vm_page* m, vm_offset_t offset, int n, struct uio* uio) {
  if (n < 0 || offset > PAGE_SIZE || n > PAGE_SIZE - (int)offset)
    complain("uiomove() of %d bytes at %#lx of a page", n, offset);
  if (uio->uio_segflg == UIO_USERSPACE) pr_sleeps("uiomove");
  if (uio->uio_td != curthread) complain("uiomove(): uio_td is not the calling thread");
  if (uio->uio_segflg != UIO_USERSPACE && uio->uio_segflg != UIO_SYSSPACE) complain("uiomove(): no such uio_segflg");
  if (uio->uio_iovcnt != 1) complain("uiomove(): %d buffers, and there is one", uio->uio_iovcnt);
  if ((long)uio->uio_iov->iov_len != (long)uio->uio_resid) complain("uiomove(): uio_resid is not the buffer's size");
  if (uio->uio_segflg == UIO_SYSSPACE && in_user(uio->uio_iov->iov_base, 1))
    complain("uiomove(): UIO_SYSSPACE with an address of the caller");
  if (pr_call->faulted_for_writing != (uio->uio_rw == UIO_WRITE))
    complain("the page was faulted in for %s",
             pr_call->faulted_for_writing ? "writing and is read" : "reading and is written");
  if (uio->uio_rw != UIO_READ && uio->uio_rw != UIO_WRITE) complain("panic: uiomove: mode");
  if (pr_memory_answer() == 2) return EFAULT;
  while (n > 0 && uio->uio_resid > 0) {
    struct iovec* iov = uio->uio_iov;
    size_t count = iov->iov_len < (size_t)n ? iov->iov_len : (size_t)n;
    if (count == 0) {
      if (--uio->uio_iovcnt <= 0) complain("uiomove(): uio_resid is more than the buffers");
      uio->uio_iov++;
      continue;
    }
    if (uio->uio_segflg == UIO_USERSPACE && !in_user(iov->iov_base, count)) return EFAULT;
    struct transfer* t = &pr_call->transfer[pr_call->transfers];
    if (pr_call->transfers == (int)nitems(pr_call->transfer) || count > sizeof t->now)
      complain("uiomove() of %lu bytes: more than was asked for", (u_long)count);
    unsigned char* bytes = m->shim_bytes + offset;
    pr_call->transfers++;
    t->slot = m->shim_slot;
    t->va = m->shim_va + offset;
    t->size = count;
    t->write = uio->uio_rw == UIO_WRITE;
    memcpy(t->old, bytes, count);
    if (t->write) {
      memcpy(bytes, iov->iov_base, count);
    } else {
      memcpy(iov->iov_base, bytes, count);
      if (uio->uio_segflg == UIO_USERSPACE) note_user_write(iov->iov_base, count);
    }
    memcpy(t->now, bytes, count);
    iov->iov_base = (char*)iov->iov_base + count;
    iov->iov_len -= count;
    uio->uio_resid -= count;
    uio->uio_offset += count;
    offset += count;
    n -= count;
  }
  return 0;
}
int uiomove_fromphys(struct vm_page* pages[], vm_offset_t offset, int n, struct uio* uio) {
  if (pages[0]->hold_count + pages[0]->wire_count <= 0) complain("uiomove_fromphys() of a page that is not held");
  return transfer(pages[0], offset, n, uio);
}

/* ---- a page of a process, mapped into the kernel ---- */

static const vm_offset_t kKva = 0xfffffe0012340000UL;
static struct vm_map the_kernel_map;
vm_map_t kernel_map = &the_kernel_map;

static vm_offset_t allocate_kva(vm_size_t size) {
  pr_sleeps("kmem_alloc");
  if (pr_call->mapped != 0) complain("kmem_alloc() twice");
  if (size != PAGE_SIZE) complain("kmem_alloc() of %lu bytes", size);
  pr_call->mapped = 1;
  return kKva;
}
vm_offset_t kmem_alloc_pageable(vm_map_t map, vm_size_t size) { return allocate_kva(size); }
vm_offset_t kmem_alloc_nofault(vm_map_t map, vm_size_t size) { return allocate_kva(size); }
void kmem_free(vm_map_t map, vm_offset_t at, vm_size_t size) {
  if (pr_call->mapped == 0 || at != kKva || size != PAGE_SIZE) complain("kmem_free() of what was not allocated");
  if (pr_call->mapped == 2) complain("kmem_free() with a page still mapped");
  pr_call->mapped = 0;
}
void pmap_qenter(vm_offset_t at, vm_page_t* page, int n) {
  if (pr_call->mapped != 1 || at != kKva || n != 1) complain("pmap_qenter() at %#lx", at);
  if ((*page)->hold_count + (*page)->wire_count <= 0) complain("pmap_qenter() of a page neither wired nor held");
  pr_call->mapped = 2;
  pr_call->page = *page;
}
void pmap_qremove(vm_offset_t at, int n) {
  if (pr_call->mapped != 2 || at != kKva || n != 1) complain("pmap_qremove() at %#lx", at);
  pr_call->mapped = 1;
}
#if PROCTOR_2003
int uiomove(caddr_t at, int n, struct uio* uio)
#else
int uiomove(void* at, int n, struct uio* uio)
#endif
{
  u_long offset = (u_long)at - kKva;
  if (pr_call->mapped != 2 || offset >= PAGE_SIZE) complain("uiomove() at %p, where no page is mapped", at);
  return transfer(pr_call->page, offset, n, uio);
}
